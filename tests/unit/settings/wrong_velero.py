"""Invalid settings of the add-on that backs up objects and volumes of applications."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import REMOVE, InvalidSettings

SECTION = "addons.velero"
S3: dict[str, Any] = {
    "bucket": "backups",
    "endpoint": "https://s3.corp.example:9000",
    "access_key_id": "velero",
    "secret_access_key": "not-a-real-secret",
}
BLOB: dict[str, Any] = {"account": "backups", "container": "velero", "account_key": "bm90IGEgcmVhbCBrZXk="}
PASSWORD = "not-a-real-password"


def without_removed(section: dict[str, Any]) -> dict[str, Any]:
    """Return a section without the keys whose value is REMOVE."""
    return {key: value for key, value in section.items() if value is not REMOVE}


def settings(**edits: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return settings of the add-on with changed keys."""
    return without_removed({"locations": {"offsite": {"s3": S3}}} | edits)


def invalid(path: str, phrase: str, /, **edits: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings whose add-on has a problem at `path` below its section."""
    return InvalidSettings(f"{SECTION}.{path}", phrase, {SECTION: settings(**edits)})


def location(path: str, phrase: str, /, **keys: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings whose only location has a problem at `path` below it."""
    full = f"locations.offsite.{path}" if path else "locations.offsite"
    return invalid(full, phrase, locations={"offsite": keys})


def s3(path: str, phrase: str, /, **keys: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings of a bucket with changed keys and a problem at `path` below it."""
    return location(f"s3.{path}" if path else "s3", phrase, s3=without_removed(S3 | keys))


def blob(path: str, phrase: str, /, **keys: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings of a container with changed keys and a problem at `path` below it."""
    return location(f"azure_blob.{path}", phrase, azure_blob=without_removed(BLOB | keys))


def schedule(path: str, phrase: str, /, **keys: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings whose schedule has a problem at `path` below it."""
    daily = without_removed({"cron": "0 3 * * *"} | keys)
    return invalid(f"schedules.daily.{path}", phrase, schedules={"daily": daily})


TWO = {"offsite": {"s3": S3}, "azure": {"azure_blob": BLOB}}
VELERO = (
    # Locations
    InvalidSettings(f"{SECTION}.locations", "missing; add it", {SECTION: {}}),
    invalid("locations", "must have at least 1 entry", locations={}),
    location("", "needs s3 or azure_blob; add one of them"),
    location("", "s3 and azure_blob are set; keep one", s3=S3, azure_blob=BLOB),
    location("prefix", '"/velero": not a directory for copies', s3=S3, prefix="/velero"),
    s3("", "needs region for AWS S3, or endpoint for another service", endpoint=REMOVE),
    s3("endpoint", '"http://s3.corp.example": not an https URL', endpoint="http://s3.corp.example"),
    s3("bucket", '"Backups": not a bucket', bucket="Backups"),
    s3("access_key_id", "not the id of an access key", access_key_id="my key"),
    s3("secret_access_key", "is empty or has spaces", secret_access_key="not a secret"),
    s3("secret_access_key", "missing; add it", secret_access_key=REMOVE),
    blob("account", '"my-backups": not a storage account', account="my-backups"),
    blob("container", '"a--b": not a container', container="a--b"),
    blob("account_key", "not Base64; give a key of the storage account", account_key="k3y"),
    blob("account_key", "missing; add it", account_key=REMOVE),
    blob("sas_token", "unknown", sas_token="sv=2024-11-04&sig=c2ln"),
    invalid("default_location", "missing; several locations need one", locations=TWO),
    invalid("default_location", '"nas": no such location', locations=TWO, default_location="nas"),
    invalid(
        "locations.copy",
        "is the place of location offsite, or inside of it; set another prefix",
        locations={
            "offsite": {"s3": S3, "prefix": "velero"},
            "copy": {"s3": S3, "prefix": "velero/copy"},
        },
        default_location="offsite",
    ),
    # Schedules
    schedule("cron", '"0 3 * *": not a schedule; allowed: minute, hour', cron="0 3 * *"),
    schedule("cron", '"60 3 * * *": has no valid minute', cron="60 3 * * *"),
    schedule("cron", '"0 24 * * *": has no valid hour', cron="0 24 * * *"),
    schedule("cron", '"0 3 * * 7": has no valid day of week', cron="0 3 * * 7"),
    schedule("cron", "missing; add it", cron=REMOVE),
    schedule("ttl", '"30d": not a duration', ttl="30d"),
    schedule("ttl", '"30m": shorter than 1h', ttl="30m"),
    schedule("location", '"nas": no such location', location="nas"),
    schedule("namespaces[0]", '"Shop": not a DNS label', namespaces=["Shop"]),
    schedule("namespaces[1]", '"shop": named twice', namespaces=["shop", "shop"]),
    invalid(
        "schedules.daily.location",
        '"offsite": is read_only, so that no backup is made',
        locations={"offsite": {"s3": S3, "read_only": True}},
        schedules={"daily": {"cron": "@daily"}},
    ),
    # Volumes
    invalid("all_volumes", "true: has no effect without node_agent", all_volumes=True),
    InvalidSettings(
        f"{SECTION}.move_snapshots",
        "true: has no effect without node_agent",
        {SECTION: settings(move_snapshots=True), "storage.snapshots": True},
    ),
    invalid(
        "move_snapshots",
        "true: there are no snapshots; set storage.snapshots to true",
        move_snapshots=True,
        node_agent=True,
        repository_password=PASSWORD,
    ),
    invalid("repository_password", "missing; without it Velero encrypts files", node_agent=True),
    invalid("repository_password", "has no effect without node_agent", repository_password=PASSWORD),
    invalid(
        "repository_password", "has fewer than 16 characters", node_agent=True, repository_password="secret"
    ),
    # The chart
    invalid("version", '"11.4.0": not supported; use a version 12.x, such as 12.2.1', version="11.4.0"),
    invalid(
        "repository",
        "allowed only with a chart's name",
        chart="oci://registry.example/velero",
        repository="https://charts.example",
    ),
    invalid("chart", "no digest after @", chart="oci://registry.example/velero@sha256:1"),
    invalid("aws_plugin", '"velero-plugin": not an image with a tag or digest', aws_plugin="velero-plugin"),
    invalid("values.schedules", "is determined by schedules; remove it", values={"schedules": {}}),
    invalid(
        "values.configuration.features",
        "is determined by storage.snapshots; remove it",
        values={"configuration": {"features": "EnableCSI", "logLevel": "debug"}},
    ),
    InvalidSettings(
        "access.namespaces.velero",
        "belongs to addons.velero; use another namespace",
        {SECTION: settings(), "access.namespaces": {"velero": {}}},
    ),
)
