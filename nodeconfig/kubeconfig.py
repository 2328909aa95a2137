"""kubeconfigs and certificate files on hosts. The kubeconfigs refer to certificates by path, so that a
rotation does not change the kubeconfigs.
"""

from __future__ import annotations

from nodeconfig.bundle import File, SecretFile
from nodeconfig.component import json_file
from nodeconfig.host_paths import CA, PKI
from nodeconfig.service_user import ServiceUser
from topology.certificates import trust_bundle


def kubeconfig(path: str, server: str, user: dict[str, str]) -> File:
    """Return a kubeconfig at `path` for the API at `server` (URL) with the credentials of `user`."""
    return json_file(
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


def kubeconfig_with_certificate(
    path: str, server: str, name: str, reader: ServiceUser | None = None
) -> tuple[File, tuple[SecretFile, ...]]:
    """Return a kubeconfig at `path` that authenticates with the certificate `name`, and the certificate's
    files. With `reader`, the kubeconfig has the path of the key that this user can read.
    """
    files = certificate_files(name)
    certificate_file, key_file = files[0].path, files[1].path
    key_file = reader.copy(key_file) if reader else key_file
    user = {"client-certificate": certificate_file, "client-key": key_file}
    return kubeconfig(path, server, user), files


def certificate_files(
    name: str, directory: str = PKI, stem: str = "", owner: str = "root:root"
) -> tuple[SecretFile, SecretFile]:
    """Return the files `<stem>.crt` and `<stem>.key` in `directory`: the certificate `name` and its key.

    If `stem` is empty, `name` is used in its place.
    """
    path = f"{directory}/{stem or name}"
    return (
        SecretFile(path=f"{path}.crt", secret=f"{name}.crt", mode=0o644, owner=owner),
        SecretFile(path=f"{path}.key", secret=f"{name}.key", mode=0o600, owner=owner),
    )


def authority_file(name: str, directory: str = PKI, owner: str = "root:root") -> SecretFile:
    """Return the file with the trusted certificates of a CA, during a rotation also of its next generation.

    The certificates are not secret, but they are known only at delivery. A component that signs needs
    `<name>.crt` and `.key` instead.
    """
    return SecretFile(
        path=f"{directory}/{name}.crt", secret=f"{trust_bundle(name)}.crt", mode=0o644, owner=owner
    )
