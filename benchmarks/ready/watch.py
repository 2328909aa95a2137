"""The finish line, the same for both: all nodes Ready and CoreDNS Available, as the API says."""

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

from benchmarks.ready import plan
from benchmarks.ready.plan import Site

_PAUSE = 0.25


class Watch:
    """Asks the first control plane four times a second, with the administrator's own certificate.

    `ready` is when the cluster was there, in seconds after `start`; None while it is not.
    """

    def __init__(self, site: Site, start: float) -> None:
        self.ready: float | None = None
        self.last = "the first control plane does not answer yet"
        self._site = site
        self._start = start
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def wait(self, timeout: float) -> float | None:
        """Waits for the finish at most so many seconds from now; gives `ready`."""
        self._thread.join(timeout)
        self._stopped.set()
        return self.ready

    def _look(self) -> None:
        while not self._stopped.wait(_PAUSE):
            try:
                done = self._finished()
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self.last = f"{type(error).__name__}: {error}"
                continue
            if done:
                self.ready = time.monotonic() - self._start
                return

    def _finished(self) -> bool:
        context = administrator(self._site.disk(plan.CONTROL_PLANES[0]))
        address = str(plan.address(plan.CONTROL_PLANES[0]))
        connection = http.client.HTTPSConnection(address, plan.API_PORT, timeout=5, context=context)
        try:
            nodes = [_condition(item, "Ready") for item in _get(connection, "/api/v1/nodes")["items"]]
            dns = _get(connection, "/apis/apps/v1/namespaces/kube-system/deployments/coredns")
        finally:
            connection.close()
        self.last = f"{sum(nodes)} of {len(plan.HOSTS)} nodes Ready"
        return len(nodes) == len(plan.HOSTS) and all(nodes) and _condition(dns, "Available")


def administrator(disk: Path) -> ssl.SSLContext:
    """The administrator's credentials as either program leaves them on a control plane's disk."""
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
    """A kubeconfig's file or inline data, as a file."""
    if name in part:
        return str(disk / part[name].lstrip("/"))
    target.touch(mode=0o600)
    target.write_bytes(base64.b64decode(part[f"{name}-data"]))
    return str(target)


def _get(connection: http.client.HTTPSConnection, path: str) -> dict[str, Any]:
    connection.request("GET", path)
    answer = connection.getresponse()
    found: dict[str, Any] = json.loads(answer.read())
    if answer.status != http.client.OK:
        raise ValueError(f"{path}: {answer.status}")
    return found


def _condition(item: dict[str, Any], kind: str) -> bool:
    conditions = item.get("status", {}).get("conditions", [])
    return any(entry["type"] == kind and entry["status"] == "True" for entry in conditions)
