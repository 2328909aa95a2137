"""Parsing of a kubeconfig: the address of the cluster, its CA, and the credentials of the user.

Certificates and keys in the kubeconfig are never written to a disk: TLS reads them from memory files.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from lab.plugins.runtime.errors import PluginError


def read(text_or_path: str) -> dict[str, Any]:
    """Parse a kubeconfig from text or from a path.

    Raise PluginError if the file is unreadable or the text is not a kubeconfig. The error does not contain
    the text.
    """
    source = "kubeconfig"
    text = text_or_path
    if "\n" not in text and not text.lstrip().startswith("{"):
        path = Path(os.path.expandvars(text)).expanduser()
        source = f"kubeconfig {path}"
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as problem:
            raise PluginError(f"{source} cannot be read: {problem.strerror}") from None
    try:
        config = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        raise PluginError(f"{source} is not valid YAML") from None
    if not isinstance(config, dict) or not isinstance(config.get("clusters"), list):
        raise PluginError(f"{source} has no list of clusters; is it a kubeconfig?")
    return config


@dataclass(frozen=True)
class Access:
    """The cluster and user of one context of a kubeconfig.

    Attributes:
        cluster: the name of the cluster in the kubeconfig.
        server: the URL of the API server.
        namespace: the namespace of the context, by default `default`.
        cluster_entry: the entry of the cluster in the kubeconfig.
        user_entry: the entry of the user in the kubeconfig.
    """

    cluster: str
    server: str
    namespace: str
    cluster_entry: Mapping[str, Any] = field(repr=False)
    user_entry: Mapping[str, Any] = field(repr=False)

    def to_kubeconfig(self) -> dict[str, Any]:
        """Return a kubeconfig with one context: the cluster and the user of this `Access`."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": self.cluster, "cluster": dict(self.cluster_entry)}],
            "users": [{"name": "user", "user": dict(self.user_entry)}],
            "contexts": [
                {
                    "name": self.cluster,
                    "context": {"cluster": self.cluster, "user": "user", "namespace": self.namespace},
                }
            ],
            "current-context": self.cluster,
        }


def resolve(config: Mapping[str, Any], *, context: str = "", cluster: str = "") -> Access:
    """Return the cluster and user of a context of a kubeconfig.

    Without `context`, use the current context. `cluster` overrides the cluster of the context.

    Raises:
        PluginError: the context, cluster or user is missing, or the cluster has no server.
    """
    name = context or str(config.get("current-context") or "")
    chosen = _find_entry(config, "contexts", "context", name) if name else {}
    cluster_name = cluster or str(chosen.get("cluster") or "")
    if not cluster_name:
        raise PluginError("kubeconfig has no current-context; set context on the provider")
    entry = _find_entry(config, "clusters", "cluster", cluster_name)
    server = str(entry.get("server") or "").rstrip("/")
    if not server.startswith(("https://", "http://")):
        raise PluginError(f"kubeconfig: cluster {cluster_name} has no server URL")
    user_name = str(chosen.get("user") or "")
    user = _find_entry(config, "users", "user", user_name) if user_name else {}
    return Access(cluster_name, server, str(chosen.get("namespace") or "default"), entry, user)


def _find_entry(config: Mapping[str, Any], section: str, key: str, name: str) -> dict[str, Any]:
    for item in config.get(section) or []:
        if isinstance(item, Mapping) and item.get("name") == name:
            return dict(item.get(key) or {})
    known = ", ".join(str(item.get("name")) for item in config.get(section) or []) or "none"
    raise PluginError(f"kubeconfig has no {key} named {name!r}; it has: {known}")


def _read_pem(entry: Mapping[str, Any], key: str) -> bytes | None:
    """Return the PEM data of the field `<key>-data`, or of the file in the field `<key>`; None without
    both.
    """
    if data := entry.get(f"{key}-data"):
        try:
            return base64.b64decode(str(data), validate=True)
        except binascii.Error:
            raise PluginError(f"kubeconfig: {key}-data is not base64") from None
    if path := entry.get(key):
        try:
            return Path(str(path)).expanduser().read_bytes()
        except OSError as problem:
            raise PluginError(f"kubeconfig: {key} {path} cannot be read: {problem.strerror}") from None
    return None


@contextlib.contextmanager
def _in_memory(data: bytes) -> Iterator[str]:
    """Yield the path of a memory file with these bytes, which must not be written to a disk."""
    descriptor = os.memfd_create("kubeconfig", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, data)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def tls_context(access: Access, user: Mapping[str, Any]) -> ssl.SSLContext:
    """Return a TLS context with the CA of the cluster and the client certificate of the user.

    Raises:
        PluginError: invalid certificates, or a kubeconfig that disables verification.
    """
    if access.cluster_entry.get("insecure-skip-tls-verify"):
        raise PluginError(f"kubeconfig: cluster {access.cluster} asks not to verify TLS; give its CA instead")
    authority = _read_pem(access.cluster_entry, "certificate-authority")
    try:
        context = ssl.create_default_context(cadata=authority.decode("ascii") if authority else None)
        certificate, key = _read_pem(user, "client-certificate"), _read_pem(user, "client-key")
        if certificate and key:
            with _in_memory(certificate) as certificate_path, _in_memory(key) as key_path:
                context.load_cert_chain(certificate_path, key_path)
    except (ssl.SSLError, UnicodeDecodeError, ValueError):
        raise PluginError(
            f"kubeconfig: the certificates of cluster {access.cluster} are not valid PEM"
        ) from None
    return context


class Credentials:
    """The credentials of a kubeconfig's user, from the kubeconfig, a file or a credential command (`exec`).

    Credentials from a command are renewed when they expire.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._user = dict(access.user_entry)
        self._token = ""
        self._expires = 0.0

    def user(self) -> dict[str, Any]:
        """Return the entry of the user in the kubeconfig, with the client certificate from a credential
        command.
        """
        if self._user.get("exec"):
            self._refresh_credentials()
        return self._user

    def headers(self) -> dict[str, str]:
        """Return the Authorization header of requests; empty for a user with a client certificate."""
        user = self._user
        if user.get("exec"):
            self._refresh_credentials()
            return {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if path := user.get("tokenFile"):
            try:
                return {"Authorization": f"Bearer {Path(str(path)).read_text(encoding='utf-8').strip()}"}
            except OSError as problem:
                raise PluginError(
                    f"kubeconfig: tokenFile {path} cannot be read: {problem.strerror}"
                ) from None
        if token := user.get("token"):
            return {"Authorization": f"Bearer {token}"}
        if user.get("username"):
            pair = f"{user['username']}:{user.get('password', '')}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        if user.get("auth-provider"):
            raise PluginError("kubeconfig: auth-provider is no longer supported by Kubernetes; use exec")
        return {}

    def _refresh_credentials(self) -> None:
        """Run the credential command when its last result is missing or about to expire."""
        if time.time() < self._expires:
            return
        spec = self._user["exec"]
        command = [str(spec.get("command")), *map(str, spec.get("args") or [])]
        environment = {
            **os.environ,
            **{str(item["name"]): str(item["value"]) for item in spec.get("env") or []},
        }
        info = {
            "kind": "ExecCredential",
            "apiVersion": str(spec.get("apiVersion")),
            "spec": {"interactive": False},
        }
        environment["KUBERNETES_EXEC_INFO"] = json.dumps(info)
        try:
            result = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=True)
            status = json.loads(result.stdout)["status"]
        except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as problem:
            kind = type(problem).__name__
            raise PluginError(f"kubeconfig: the credential command {command[0]} failed ({kind})") from None
        self._token = str(status.get("token") or "")
        if status.get("clientCertificateData"):
            encode = base64.b64encode
            self._user["client-certificate-data"] = encode(status["clientCertificateData"].encode()).decode()
            self._user["client-key-data"] = encode(status["clientKeyData"].encode()).decode()
        expiry = status.get("expirationTimestamp")
        self._expires = datetime.fromisoformat(expiry).timestamp() - 60 if expiry else float("inf")
