"""Settings of component versions, the source of binaries, and image registries [N]."""

from __future__ import annotations

from typing import Literal

from pydantic import SecretStr

from artifacts.catalogue import DEFAULTS
from settings.base import Section
from settings.types import FilePath, HttpsUrl, NonEmpty, Version


class VersionSettings(Section):
    """Versions of components. The defaults come from the artifact catalogue and are tested together."""

    version: Version = DEFAULTS.kubernetes
    """Version of Kubernetes; upgrade by one minor version at a time."""
    etcd: Version = DEFAULTS.etcd
    """Version of etcd."""
    containerd: Version = DEFAULTS.containerd
    """Version of containerd."""
    runc: Version = DEFAULTS.runc
    """Version of runc."""
    cni_plugins: Version = DEFAULTS.cni_plugins
    """Version of the CNI plugins."""
    flannel: Version = DEFAULTS.flannel
    """Version of flannel."""
    coredns: Version = DEFAULTS.coredns
    """Version of CoreDNS."""
    metrics_server: Version = DEFAULTS.metrics_server
    """Version of metrics-server."""


class ArtifactSettings(Section):
    """The source of the binaries that hosts fetch: a mirror, or in a cloud the cluster's own store."""

    mirror: HttpsUrl | None = None
    """URL of the mirror that `kubewright mirror` created; required unless `store` is set, because some files
    have no official URL.
    """
    store: Literal["own"] | None = None
    """`own`: in a cloud, the deployer fills the bucket or storage account of the cluster with files of its
    own mirror, and machines fetch the files there. Not together with `mirror`.
    """
    index: FilePath | None = None
    """Copy of the mirror's index in the checkout (`make mirror INDEX=FILE`). It pins the checksums of files
    and the digests of images, so that previews do not need the mirror.
    """
    ca_file: FilePath | None = None
    """PEM file of the certificate authority of the mirror; default: the system's authorities."""
    charts: Literal["source", "mirror"] = "source"
    """`mirror`: `helm_releases` install the charts of repositories and registries from the mirror, to which
    `kubewright mirror --charts STACK` added them; `source`: from their repositories and registries.
    """


class RegistrySettings(Section):
    """A mirror of an image registry."""

    endpoint: HttpsUrl
    """URL of the registry mirror."""
    ca_file: FilePath | None = None
    """PEM file of the certificate authority of the mirror; default: the system's authorities."""
    username: NonEmpty | None = None
    """User name; required with `password`."""
    password: SecretStr | None = None
    """Password, as an encrypted value (`secure: …`); required with `username`."""
