"""Check whether a cluster is ready, for both programs: all nodes are Ready and CoreDNS is Available."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.ready import layout
from benchmarks.ready.layout import ClusterSetup

_PAUSE = 0.25


class ReadinessWatch:
    """A thread that checks the first control plane four times a second, with the administrator's
    certificate.

    `ready` is the time at which the cluster was ready, in seconds after `start`; until then it is None.
    """

    def __init__(self, setup: ClusterSetup, start: float) -> None:
        self.ready: float | None = None
        self.last = "the first control plane does not respond"
        self._setup = setup
        self._start = start
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    def wait(self, timeout: float) -> float | None:
        """Wait at most `timeout` seconds until the cluster is ready, and return `ready`."""
        self._thread.join(timeout)
        self._stopped.set()
        return self.ready

    def _poll(self) -> None:
        while not self._stopped.wait(_PAUSE):
            try:
                ready = self._is_ready()
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self.last = f"{type(error).__name__}: {error}"
                continue
            if ready:
                self.ready = time.monotonic() - self._start
                return

    def _is_ready(self) -> bool:
        context = administrator_context(self._setup.disk(layout.CONTROL_PLANES[0]))
        address = str(layout.address(layout.CONTROL_PLANES[0]))
        connection = http.client.HTTPSConnection(address, layout.API_PORT, timeout=5, context=context)
        try:
            nodes = [_condition(item, "Ready") for item in _get(connection, "/api/v1/nodes")["items"]]
            dns = _get(connection, "/apis/apps/v1/namespaces/kube-system/deployments/coredns")
        finally:
            connection.close()
        self.last = f"{sum(nodes)} of {len(layout.HOSTS)} nodes Ready"
        return len(nodes) == len(layout.HOSTS) and all(nodes) and _condition(dns, "Available")


def administrator_context(disk: Path) -> ssl.SSLContext:
    """Return the administrator's credentials, which both programs store on the disk of a control plane."""
    kubernetes = disk / "etc/kubernetes"
    document = yaml.safe_load((kubernetes / "admin.conf").read_text())
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    with tempfile.TemporaryDirectory() as directory:
        files = {
            name: _file(disk, Path(directory, name), part, name)
            for part, name in (
                (cluster, "certificate-authority"),
                (user, "client-certificate"),
                (user, "client-key"),
            )
        }
        context = ssl.create_default_context(cafile=files["certificate-authority"])
        context.load_cert_chain(files["client-certificate"], files["client-key"])
    return context


def _file(disk: Path, target: Path, part: dict[str, str], name: str) -> str:
    """Return the path of a file that the kubeconfig refers to, or of a new file with the kubeconfig's
    inline data.
    """
    if name in part:
        return str(disk / part[name].lstrip("/"))
    target.touch(mode=0o600)
    target.write_bytes(base64.b64decode(part[f"{name}-data"]))
    return str(target)


def _get(connection: http.client.HTTPSConnection, path: str) -> dict[str, Any]:
    connection.request("GET", path)
    response = connection.getresponse()
    content: dict[str, Any] = json.loads(response.read())
    if response.status != http.client.OK:
        raise ValueError(f"{path}: {response.status}")
    return content


def _condition(item: dict[str, Any], kind: str) -> bool:
    conditions = item.get("status", {}).get("conditions", [])
    return any(entry["type"] == kind and entry["status"] == "True" for entry in conditions)
