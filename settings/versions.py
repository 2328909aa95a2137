"""Settings of where binaries, images and their versions come from [N]."""

from __future__ import annotations

from pydantic import SecretStr

from artifacts.catalogue import DEFAULTS
from settings.base import Section
from settings.types import FilePath, Filled, HttpsUrl, Version


class VersionSettings(Section):
    """Upstream's versions; those left out are the catalogue's."""

    version: Version = DEFAULTS.kubernetes
    etcd: Version = DEFAULTS.etcd
    containerd: Version = DEFAULTS.containerd
    runc: Version = DEFAULTS.runc
    cni_plugins: Version = DEFAULTS.cni_plugins
    flannel: Version = DEFAULTS.flannel
    coredns: Version = DEFAULTS.coredns
    metrics_server: Version = DEFAULTS.metrics_server


class ArtifactSettings(Section):
    """The mirror that binaries come from; without it, upstream's official places.

    `index`: the mirror's index, kept in the repository: with it the mirror cannot change what is installed,
    and need not be reached to see what would be. A relative path is from the checkout.
    """

    mirror: HttpsUrl | None = None
    index: FilePath | None = None
    ca_file: FilePath | None = None


class RegistrySettings(Section):
    """A mirror of an image registry. `ca_file`: its private authority. The password is a secret."""

    endpoint: HttpsUrl
    ca_file: FilePath | None = None
    username: Filled | None = None
    password: SecretStr | None = None
