"""Watch that finds out when a cluster is ready: all nodes are Ready and CoreDNS is Available."""

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

_POLL_SECONDS = 0.25


class ReadinessWatch:
    """A thread that checks the first control plane four times a second, with the administrator's
    certificate.

    `ready` is the time at which the cluster was ready, in seconds after `start`; until then it is None.
    """

    def __init__(self, setup: ClusterSetup, start: float) -> None:
        self.ready: float | None = None
        self.last_status = "the first control plane does not respond"
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
        while not self._stopped.wait(_POLL_SECONDS):
            try:
                ready = self._is_ready()
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self.last_status = f"{type(error).__name__}: {error}"
                continue
            if ready:
                self.ready = time.monotonic() - self._start
                return

    def _is_ready(self) -> bool:
        context = administrator_context(self._setup.disk(layout.CONTROL_PLANES[0]))
        address = str(layout.address(layout.CONTROL_PLANES[0]))
        connection = http.client.HTTPSConnection(address, layout.API_PORT, timeout=5, context=context)
        try:
            nodes = [
                _is_condition_true(item, "Ready") for item in _get_json(connection, "/api/v1/nodes")["items"]
            ]
            dns = _get_json(connection, "/apis/apps/v1/namespaces/kube-system/deployments/coredns")
        finally:
            connection.close()
        self.last_status = f"{sum(nodes)} of {len(layout.HOSTS)} nodes Ready"
        return len(nodes) == len(layout.HOSTS) and all(nodes) and _is_condition_true(dns, "Available")


def administrator_context(disk: Path) -> ssl.SSLContext:
    """Return a TLS context with the administrator's certificate, which Kubewright and kubeadm both store on
    the disk of a control plane. `disk` is the directory with the files of the control plane.
    """
    kubernetes = disk / "etc/kubernetes"
    document = yaml.safe_load((kubernetes / "admin.conf").read_text())
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    with tempfile.TemporaryDirectory() as directory:
        files = {
            name: _credential_file(disk, Path(directory, name), section, name)
            for section, name in (
                (cluster, "certificate-authority"),
                (user, "client-certificate"),
                (user, "client-key"),
            )
        }
        context = ssl.create_default_context(cafile=files["certificate-authority"])
        context.load_cert_chain(files["client-certificate"], files["client-key"])
    return context


def _credential_file(disk: Path, target: Path, section: dict[str, str], name: str) -> str:
    """Return the path of a file that the kubeconfig refers to, or of a new file with the kubeconfig's
    inline data.
    """
    if name in section:
        return str(disk / section[name].lstrip("/"))
    target.touch(mode=0o600)
    target.write_bytes(base64.b64decode(section[f"{name}-data"]))
    return str(target)


def _get_json(connection: http.client.HTTPSConnection, path: str) -> dict[str, Any]:
    connection.request("GET", path)
    response = connection.getresponse()
    content: dict[str, Any] = json.loads(response.read())
    if response.status != http.client.OK:
        raise ValueError(f"{path}: {response.status}")
    return content


def _is_condition_true(item: dict[str, Any], kind: str) -> bool:
    conditions = item.get("status", {}).get("conditions", [])
    return any(entry["type"] == kind and entry["status"] == "True" for entry in conditions)
