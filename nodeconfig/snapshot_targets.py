"""Targets of encrypted copies of snapshots [C2]: their files on hosts, and the environment of rclone.

A snapshot contains all objects of the cluster. It is encrypted before it leaves the host, so that neither the
target nor a reader of the credentials on the host can read earlier copies: hosts have only public keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from shlex import quote

from nodeconfig.bundle import File, SecretFile
from nodeconfig.component import Component
from nodeconfig.host_paths import BIN, ETCD, LIBRARY
from nodeconfig.sources import read_code
from topology.model import Topology
from topology.options import Snapshots
from topology.snapshot_targets import BlobContainer, Directory, S3Bucket, SnapshotTarget

PROGRAM = f"{LIBRARY}/etcd-snapshot-targets"
"""Path on a host of the sh program that copies a snapshot to all targets."""
_TARGETS = f"{ETCD}/snapshot-targets"
_RECIPIENTS = f"{ETCD}/snapshot-recipients"
_REMOTE = "target"
"""The name of the target for rclone, which reads its settings from variables with this name."""
_VARIABLE = f"RCLONE_CONFIG_{_REMOTE.upper()}"
_ARTIFACTS = ("age", "rclone")


def component(topology: Topology) -> Component:
    """Return the files and programs that copy snapshots to targets; empty for a cluster without targets."""
    snapshots = topology.snapshots
    if not snapshots.targets:
        return Component()
    files = [
        File(PROGRAM, copy_program(), mode=0o755),
        File(_RECIPIENTS, "".join(f"{recipient}\n" for recipient in snapshots.recipients)),
    ]
    for target in snapshots.targets:
        authority = authority_of(target)
        path = f"{_TARGETS}/{target.name}.crt" if authority else ""
        files.append(File(f"{_TARGETS}/{target.name}.conf", _settings_text(target, path), mode=0o600))
        files += [File(path, authority.rstrip("\n") + "\n")] if authority else []
    return Component(
        files=tuple(files),
        secrets=tuple(
            SecretFile(f"{_TARGETS}/{target.name}.env", target.secret)
            for target in snapshots.targets
            if target.secret
        ),
        artifacts=tuple((name, f"{BIN}/{name}") for name in artifacts(snapshots)),
        directories=(File(ETCD, "", mode=0o755), File(_TARGETS, "", mode=0o700)),
    )


def artifacts(snapshots: Snapshots) -> tuple[str, ...]:
    """Return the names of the artifacts that hosts of etcd members fetch for copies."""
    return _ARTIFACTS if snapshots.targets else ()


def unit_environment(snapshots: Snapshots) -> dict[str, str]:
    """Return the variables of the unit that takes snapshots; empty for a cluster without targets."""
    if not snapshots.targets:
        return {}
    return {"COPY_PROGRAM": PROGRAM, "TARGETS": _TARGETS, "RECIPIENTS": _RECIPIENTS}


def authority_of(target: SnapshotTarget) -> str:
    """Return the PEM of the certificate authority of a target; empty for those of the system."""
    return "" if isinstance(target.store, Directory) else target.store.ca


def location(target: SnapshotTarget) -> str:
    """Return the directory of the copies, as rclone spells it."""
    match target.store:
        case S3Bucket(bucket=name) | BlobContainer(container=name):
            return f"{_REMOTE}:{name}/{target.prefix}"
        case Directory(path=path):
            return f"{path}/{target.prefix}"


def rclone_settings(target: SnapshotTarget) -> Mapping[str, str]:
    """Return the environment variables with which rclone finds a target, without credentials."""
    match target.store:
        case S3Bucket() as store:
            settings = {
                "TYPE": "s3",
                # rclone does not create buckets: a typing error must not make another bucket.
                "NO_CHECK_BUCKET": "true",
                "PROVIDER": "Other" if store.endpoint else "AWS",
                "ENDPOINT": store.endpoint,
                "FORCE_PATH_STYLE": "true" if store.endpoint else "",
                "REGION": store.region,
                "ACCESS_KEY_ID": store.access_key_id,
            }
        case BlobContainer() as store:
            settings = {
                "TYPE": "azureblob",
                "NO_CHECK_CONTAINER": "true",
                "ACCOUNT": store.account,
                "ENDPOINT": store.endpoint,
            }
        case Directory():
            settings = {}
    return {f"{_VARIABLE}_{name}": value for name, value in settings.items() if value}


def credentials(target: SnapshotTarget, setting: str, secret: str) -> dict[str, str]:
    """Return the environment variable with the credentials of a target. `setting` is the key of the secret
    in the settings of the target.
    """
    if setting == "secret_access_key":
        return {f"{_VARIABLE}_SECRET_ACCESS_KEY": secret}
    if setting == "account_key":
        return {f"{_VARIABLE}_KEY": secret}
    store = target.store
    assert isinstance(store, BlobContainer), f"{setting} is no setting of target {target.name}"
    return {f"{_VARIABLE}_SAS_URL": f"{store.endpoint}/{store.container}?{secret}"}


def environment_text(variables: Mapping[str, str]) -> str:
    """Return lines that a shell reads as variables."""
    return "".join(f"{name}={quote(value)}\n" for name, value in variables.items())


def _settings_text(target: SnapshotTarget, authority: str) -> str:
    mount = {"MOUNT": target.store.path} if isinstance(target.store, Directory) else {}
    own = {"REMOTE": location(target), "KEEP": str(target.keep), **mount}
    trusted = {"RCLONE_CA_CERT": authority} if authority else {}
    return environment_text({**own, **trusted, **rclone_settings(target)})


@cache
def copy_program() -> str:
    """Return the text of the program at `PROGRAM` (POSIX sh)."""
    return read_code("etcd-snapshot-targets.sh")
