"""kubeconfigs that refer to certificates by path: plain files, and rotation needs no new ones."""

from __future__ import annotations

from nodeconfig.bundle import File, SecretFile
from nodeconfig.component import document
from nodeconfig.host_paths import CA, PKI
from topology.certificates import trust_bundle


def kubeconfig(path: str, server: str, user: dict[str, str]) -> File:
    """A kubeconfig at `path` for the API at `server` (URL) with `user`'s way to authenticate."""
    return document(
        path,
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "kubernetes", "cluster": {"certificate-authority": CA, "server": server}}],
            "users": [{"name": "user", "user": user}],
            "contexts": [{"name": "default", "context": {"cluster": "kubernetes", "user": "user"}}],
            "current-context": "default",
        },
    )


def by_certificate(path: str, server: str, name: str) -> tuple[File, tuple[SecretFile, ...]]:
    """A kubeconfig that authenticates with the certificate `name`, and that certificate's files."""
    files = certificate(name)
    certificate_file, key_file = files[0].path, files[1].path
    user = {"client-certificate": certificate_file, "client-key": key_file}
    return kubeconfig(path, server, user), files


def certificate(
    name: str, directory: str = PKI, stem: str = "", owner: str = "root:root"
) -> tuple[SecretFile, SecretFile]:
    """The certificate `name` of the delivery and its key, as files `<stem or name>.crt` and `.key`."""
    path = f"{directory}/{stem or name}"
    return (
        SecretFile(path=f"{path}.crt", secret=f"{name}.crt", mode=0o644, owner=owner),
        SecretFile(path=f"{path}.key", secret=f"{name}.key", mode=0o600, owner=owner),
    )


def authority(name: str, directory: str = PKI, owner: str = "root:root") -> SecretFile:
    """What is trusted in the authority's place: its certificate, and while it is rotated its successor's.

    It is no secret, but known only at delivery. What signs needs `<name>.crt` and `.key` instead.
    """
    return SecretFile(
        path=f"{directory}/{name}.crt", secret=f"{trust_bundle(name)}.crt", mode=0o644, owner=owner
    )
