"""Conversion of the settings of Velero to plain data, and its credentials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import SecretStr

from assembly.charts import build_chart
from assembly.object_stores import build_bucket, build_container
from settings.cluster import Settings
from settings.velero import VeleroLocationSettings, VeleroSettings
from topology.snapshot_targets import BlobContainer, S3Bucket
from topology.velero import Location, Schedule, Velero

_SECTION = ("addons", "velero")


def build_velero(settings: Settings, files: Mapping[str, str] | None) -> Velero | None:
    """Return the add-on that valid settings describe; None for a cluster without it. `files` maps paths in
    the settings to texts; without it locations have no certificate authority.
    """
    section = settings.addons.velero
    if section is None:
        return None
    default = section.default_location or next(iter(section.locations))
    return Velero(
        locations=tuple(
            Location(
                name=name,
                store=_store(location, files),
                prefix=location.prefix or f"velero/{settings.name}",
                read_only=location.read_only,
                is_default=name == default,
            )
            for name, location in section.locations.items()
        ),
        schedules=tuple(_schedules(section, default)),
        node_agent=section.node_agent,
        all_volumes=section.all_volumes,
        move_snapshots=section.move_snapshots,
        aws_plugin=section.aws_plugin,
        azure_plugin=section.azure_plugin,
        chart=build_chart(section),
    )


def _schedules(section: VeleroSettings, default: str) -> Iterator[Schedule]:
    for name, schedule in section.schedules.items():
        yield Schedule(
            name=name,
            cron=schedule.cron,
            ttl=schedule.ttl,
            namespaces=schedule.namespaces,
            location=schedule.location or default,
        )


def _store(section: VeleroLocationSettings, files: Mapping[str, str] | None) -> S3Bucket | BlobContainer:
    if section.s3:
        return build_bucket(section.s3, files)
    if section.azure_blob:
        return build_container(section.azure_blob, None, files)
    raise ValueError("the location has no kind; only settings that load() returned are complete")


def velero_credentials(settings: Settings) -> dict[str, tuple[tuple[str, ...], SecretStr]]:
    """Return the path in the settings and the secret of each location, by the name of the location."""
    section = settings.addons.velero
    secrets: dict[str, tuple[tuple[str, ...], SecretStr]] = {}
    for name, location in section.locations.items() if section else ():
        path = (*_SECTION, "locations", name)
        if location.s3:
            secrets[name] = ((*path, "s3", "secret_access_key"), location.s3.secret_access_key)
        elif location.azure_blob:
            secrets[name] = ((*path, "azure_blob", "account_key"), location.azure_blob.account_key)
    return secrets
