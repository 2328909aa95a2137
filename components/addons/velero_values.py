"""Values of the chart of Velero.

Compared with upstream's values.yaml and values.schema.json:
https://github.com/vmware-tanzu/helm-charts/tree/main/charts/velero
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from components.addons.chart_release import Values
from components.addons.volume_classes import all_nodes
from topology.model import Topology
from topology.options import NetworkPlugin
from topology.snapshot_targets import BlobContainer, S3Bucket
from topology.velero import Location, Schedule, Velero

CREDENTIALS_KEY = "cloud"
"""The key of a Secret with the file of credentials."""
ACCOUNT_KEY_VARIABLE = "AZURE_STORAGE_ACCOUNT_ACCESS_KEY"
_OTHER_REGION = "us-east-1"
"""The region in the signatures of requests to services without regions."""


def velero_values(velero: Velero, topology: Topology, more: Values) -> Values:
    """Return the values of the chart. `more` are the additional values of the settings.

    Each location has its own Secret, so the chart creates no common Secret. Snapshots are CSI snapshots, so
    there are no snapshot locations. Helm waits for the Job that upgrades definitions, and the Job needs a pod
    network.
    """
    values = {
        "credentials": {"useSecret": False},
        "upgradeCRDs": topology.network.cni is not NetworkPlugin.NONE,
        "backupsEnabled": True,
        "snapshotsEnabled": False,
        "configuration": {
            "backupStorageLocation": [_location(location) for location in velero.locations],
            "volumeSnapshotLocation": [],
            "defaultVolumesToFsBackup": velero.all_volumes,
            "defaultSnapshotMoveData": velero.move_snapshots,
            **({"features": "EnableCSI"} if topology.storage.snapshots else {}),
        },
        "initContainers": _plugins(velero),
        "deployNodeAgent": velero.node_agent,
        "nodeAgent": {"tolerations": all_nodes()},
        "schedules": {schedule.name: _schedule(schedule) for schedule in velero.schedules},
    }
    return merge_values(values, more)


def _location(location: Location) -> Values:
    is_s3 = isinstance(location.store, S3Bucket)
    ca = location.store.ca
    return {
        "name": location.name,
        "provider": "aws" if is_s3 else "azure",
        "bucket": location.store.bucket if isinstance(location.store, S3Bucket) else location.store.container,
        "prefix": location.prefix,
        "default": location.is_default,
        "accessMode": "ReadOnly" if location.read_only else "ReadWrite",
        "credential": {"name": location.secret, "key": CREDENTIALS_KEY},
        **({"caCert": base64.b64encode(ca.encode()).decode()} if ca else {}),
        "config": _s3_config(location.store)
        if isinstance(location.store, S3Bucket)
        else _azure_config(location.store),
    }


def _s3_config(bucket: S3Bucket) -> Mapping[str, str]:
    """Return the options of velero-plugin-for-aws. Services other than AWS may not support the checksums of
    AWS.
    """
    if not bucket.endpoint:
        return {"region": bucket.region}
    return {
        "region": bucket.region or _OTHER_REGION,
        "s3Url": bucket.endpoint,
        "s3ForcePathStyle": "true",
        "checksumAlgorithm": "",
    }


def _azure_config(container: BlobContainer) -> Mapping[str, str]:
    """Return the options of velero-plugin-for-microsoft-azure. With a URL and a key, the plugin calls no
    other API.
    """
    return {
        "storageAccount": container.account,
        "storageAccountURI": container.endpoint,
        "storageAccountKeyEnvVar": ACCOUNT_KEY_VARIABLE,
    }


def _plugins(velero: Velero) -> list[Values]:
    """Return the init containers that copy the plugins of the locations."""
    plugins = {}
    for location in velero.locations:
        if isinstance(location.store, S3Bucket):
            plugins["velero-plugin-for-aws"] = velero.aws_plugin
        else:
            plugins["velero-plugin-for-microsoft-azure"] = velero.azure_plugin
    return [
        {"name": name, "image": image, "volumeMounts": [{"mountPath": "/target", "name": "plugins"}]}
        for name, image in sorted(plugins.items())
    ]


def _schedule(schedule: Schedule) -> Values:
    return {
        "schedule": schedule.cron,
        "template": {
            "ttl": schedule.ttl,
            "storageLocation": schedule.location,
            "includedNamespaces": list(schedule.namespaces) or ["*"],
        },
    }


def merge_values(values: Values, more: Values) -> Values:
    """Return `values` with `more`, as Helm merges values: mappings key by key; other values are replaced."""
    merged = dict(values)
    for key, value in more.items():
        old = merged.get(key)
        merged[key] = (
            merge_values(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
        )
    return merged
