"""The add-on that backs up objects and volumes of applications, by Velero, as plain data [J4].

Credentials are not part of it. They are in Secrets, whose names `Location.secret` has.
"""

from __future__ import annotations

from dataclasses import dataclass

from topology.charts import Chart
from topology.snapshot_targets import BlobContainer, S3Bucket

NAMESPACE = "velero"
"""The namespace of the add-on."""
VERSION = "12.2.1"
"""The default version of the chart, which installs Velero 1.18."""
SERIES = "12"
"""The major version of the chart whose values Kubewright knows."""
REPOSITORY = "https://vmware-tanzu.github.io/helm-charts"
AWS_PLUGIN = "docker.io/velero/velero-plugin-for-aws:v1.14.2"
AZURE_PLUGIN = "docker.io/velero/velero-plugin-for-microsoft-azure:v1.14.2"
"""The images of the plugins. Plugins 1.14 are for Velero 1.18."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A bucket or container with backups below `prefix`. Velero changes nothing in a `read_only` location.

    Backups that name no location are in the default one.
    """

    name: str
    store: S3Bucket | BlobContainer
    prefix: str
    read_only: bool
    is_default: bool

    @property
    def secret(self) -> str:
        """The name of the Secret with the credentials."""
        return f"location-{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Backups at the times of `cron`, each of which is deleted after `ttl`. Without `namespaces`, of all."""

    name: str
    cron: str
    ttl: str
    namespaces: tuple[str, ...]
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Velero:
    """Velero with its locations and schedules.

    `node_agent` copies files of volumes: of those that an annotation names, or of all with `all_volumes`.
    `move_snapshots` copies snapshots of volumes into the location.
    """

    locations: tuple[Location, ...]
    schedules: tuple[Schedule, ...]
    node_agent: bool
    all_volumes: bool
    move_snapshots: bool
    aws_plugin: str
    azure_plugin: str
    chart: Chart
