"""Invalid settings of copies of snapshots of etcd outside the hosts."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import REMOVE, InvalidSettings
from tests.unit.settings.wrong_clouds import AWS

SECTION = "etcd.snapshots"
RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
S3: dict[str, Any] = {
    "bucket": "etcd-dev",
    "endpoint": "https://s3.corp.example:9000",
    "access_key_id": "kubewright",
    "secret_access_key": "not-a-real-secret",
}
BLOB: dict[str, Any] = {
    "account": "backups",
    "container": "etcd",
    "sas_token": "sv=2024-11-04&sr=c&sp=rcwdl&sig=c2ln",
}


def edited(section: dict[str, Any], edits: dict[str, object]) -> dict[str, object]:
    """Return a section with changed keys. REMOVE removes a key."""
    return {key: value for key, value in {**section, **edits}.items() if value is not REMOVE}


def target(path: str, phrase: str, settings: object, **snapshots: object) -> InvalidSettings:
    """Return settings whose target `offsite` has a problem at `path` below it."""
    section = {"recipients": [RECIPIENT], "to": {"offsite": settings}, **snapshots}
    return InvalidSettings(f"{SECTION}.to.offsite{path}", phrase, {SECTION: section})


def s3(key: str, phrase: str, **edits: object) -> InvalidSettings:
    return target(f".s3{key and '.'}{key}", phrase, {"s3": edited(S3, edits)})


def blob(key: str, phrase: str, **edits: object) -> InvalidSettings:
    return target(f".azure_blob{key and '.'}{key}", phrase, {"azure_blob": edited(BLOB, edits)})


def recipients(path: str, phrase: str, *keys: str) -> InvalidSettings:
    section = {"recipients": list(keys), "to": {"offsite": {"s3": S3}}}
    return InvalidSettings(f"{SECTION}.recipients{path}", phrase, {SECTION: section})


SNAPSHOTS = (
    recipients("", "missing; copies leave the hosts only encrypted"),
    recipients("[1]", f'"{RECIPIENT}": named twice', RECIPIENT, RECIPIENT),
    recipients("[0]", "not a public key of age", "ssh-ed25519 AAAA"),
    recipients("[0]", "has a typing error, as its checksum shows", f"{RECIPIENT[:-1]}q"),
    recipients("[0]", "is a private key, which must not be in a stack file", f"AGE-SECRET-KEY-1{'Q' * 58}"),
    InvalidSettings(
        f"{SECTION}.recipients",
        "has no effect without etcd.snapshots.to",
        {SECTION: {"recipients": [RECIPIENT]}},
    ),
    target("", "needs one of s3, azure_blob and path", {}),
    target("", "s3 and path are set; keep one", {"s3": S3, "path": "/mnt/backup"}),
    target(".keep", "0: must be at least 1", {"s3": S3, "keep": 0}),
    target(".prefix", '"/etcd/": not a directory for copies', {"s3": S3, "prefix": "/etcd/"}),
    target(".prefix", '"a/../b": not a directory for copies', {"s3": S3, "prefix": "a/../b"}),
    target(".path", '"mnt/backup": not a directory on a host', {"path": "mnt/backup"}),
    target(".path", '"/var/lib/etcd/copies": belongs to etcd', {"path": "/var/lib/etcd/copies"}),
    target(
        ".path",
        f'"/mnt/backup": is also {SECTION}.copy_to',
        {"path": "/mnt/backup"},
        copy_to="/mnt/backup",
    ),
    target(".ftp", "unknown key; allowed here: s3, azure_blob, path", {"ftp": {}}),
    s3("bucket", '"Etcd": not a bucket', bucket="Etcd"),
    s3("bucket", "missing; add it", bucket=REMOVE),
    s3("endpoint", '"http://s3.corp.example": not an https URL', endpoint="http://s3.corp.example"),
    s3("endpoint", "contains a user or password", endpoint="https://u:p@s3.corp.example"),
    s3("region", '"EU central": not a region', region="EU central"),
    s3("", "needs region for AWS S3, or endpoint for another service", endpoint=REMOVE),
    s3("access_key_id", '"key id": not the id of an access key', access_key_id="key id"),
    s3("secret_access_key", "missing; add it", secret_access_key=REMOVE),
    s3("secret_access_key", "is empty or has spaces", secret_access_key="a b"),
    blob(
        "account",
        '"backups.blob.core.windows.net": not a storage account',
        account="backups.blob.core.windows.net",
    ),
    blob("container", '"etcd--dev": not a container', container="etcd--dev"),
    blob("sas_token", "not a SAS token; give the part of the URL after", sas_token="https://x/?sv=1&sig=x"),
    blob("account_key", "not Base64; give a key of the storage account", account_key="k!", sas_token=REMOVE),
    blob("", "needs sas_token or account_key", sas_token=REMOVE),
    blob("", "sas_token and account_key are set", account_key="a2V5"),
    InvalidSettings(
        f"{SECTION}.verify", '"monthly": unknown; allowed: daily, weekly', {f"{SECTION}.verify": "monthly"}
    ),
    InvalidSettings(
        "etcd.defragmentation.every",
        '"30m": more often than once an hour',
        {"etcd.defragmentation": {"every": "30m"}},
    ),
    InvalidSettings(
        "etcd.defragmentation.free_percent",
        "5: must be at least 10",
        {"etcd.defragmentation": {"free_percent": 5}},
    ),
    InvalidSettings(
        "etcd.defragmentation.free_percent",
        "0.5: must be a whole number",
        {"etcd.defragmentation": {"free_percent": 0.5}},
    ),
    InvalidSettings(
        "etcd.defragmentation.ratio",
        "unknown key; allowed here: every, free_percent",
        {"etcd.defragmentation": {"ratio": 1}},
    ),
    InvalidSettings(
        f"{SECTION}.to.second",
        "is the same place as target first; remove one, or set prefix",
        {SECTION: {"recipients": [RECIPIENT], "to": {"first": {"s3": S3}, "second": {"s3": S3}}}},
    ),
    InvalidSettings(
        f"{SECTION}.to",
        "is not supported on aws; remove it, and use aws.snapshot_copies",
        {SECTION: {"recipients": [RECIPIENT], "to": {"offsite": {"s3": S3}}}},
        AWS,
    ),
)
