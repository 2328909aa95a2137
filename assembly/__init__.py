"""Conversion of the settings of a stack to its topology, files, artifacts and bundles."""

from assembly.assemble import Assembly, assemble
from assembly.authentication import webhook_secret_name
from assembly.builder import build_topology, registry_credentials, topology_or_none
from assembly.distribution import registry_store_secret, registry_users
from assembly.logs import alertmanager_password, log_passwords
from assembly.snapshots import target_credentials
from assembly.velero import velero_credentials

__all__ = [
    "Assembly",
    "alertmanager_password",
    "assemble",
    "build_topology",
    "log_passwords",
    "registry_credentials",
    "registry_store_secret",
    "registry_users",
    "target_credentials",
    "topology_or_none",
    "velero_credentials",
    "webhook_secret_name",
]
