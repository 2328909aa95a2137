"""The encryption configuration of an API server [D4]: its file, and the check that a server has loaded it."""

from __future__ import annotations

from nodeconfig.bundle import SecretFile
from nodeconfig.host_paths import PKI
from nodeconfig.reloaded_files import has_loaded
from topology.encryption import is_default
from topology.model import Topology

ENCRYPTION_FILE = SecretFile(f"{PKI}/encryption.yaml", "encryption.yaml")
"""The EncryptionConfiguration. The API server reads the file again once a minute, without a restart."""
_LOAD_SECONDS = 120
"""Additional time until an API server is ready: a minute until it reads the file, and the health check of a
KMS plugin.
"""
_SECONDS_BETWEEN_CHECKS = 3


def encryption_is_loaded(topology: Topology) -> tuple[str, int]:
    """Return sh text that succeeds when the API server of a host has loaded its `encryption.yaml`, and the
    additional seconds that this can take.

    Without this check a stage could begin while another API server still has the configuration of the stage
    before the previous one, and this server could not read what the first server writes. The check is empty
    for clusters that never changed their encryption, so that their deliveries stay the same.
    """
    if is_default(topology.encryption, topology.certificates):
        return "", 0
    loaded = has_loaded("encryption", ENCRYPTION_FILE.path)
    return f"{{ {loaded} || {{ sleep {_SECONDS_BETWEEN_CHECKS}; false; }}; }}", _LOAD_SECONDS
