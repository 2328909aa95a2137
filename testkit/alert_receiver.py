"""A receiver of alerts for tests, to which Alertmanager posts JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Network
from pathlib import Path
from threading import Thread
from typing import Any

from testkit.wait import eventually

ALERT_SECONDS = 900
"""Maximum time until an alert arrives: five minutes of the rule, and the intervals of scrapes and groups."""


@dataclass
class AlertReceiver:
    """A running receiver. `url` is secret, because it ends with a token. `alerts` are all received alerts."""

    url: str
    alerts: list[dict[str, Any]] = field(default_factory=list)

    def states(self, alert: str, **labels: str) -> list[str]:
        """Return the states, `firing` or `resolved`, of received alerts with a name and labels."""
        wanted = {"alertname": alert, **labels}
        return [item["status"] for item in self.alerts if wanted.items() <= item["labels"].items()]

    def wait_for(self, state: str, alert: str, after: float = 0, /, **labels: str) -> None:
        """Wait until an alert with a name and labels was received in a state. Its cause begins within `after`
        seconds.
        """

        def received() -> bool:
            assert state in self.states(alert, **labels), f"the receiver has {self.states(alert)}"
            return True

        eventually(f"{alert} is {state}", received, timeout=after + ALERT_SECONDS, interval=5)


def monitoring_section(network: IPv4Network, port: int, token: str) -> dict[str, Any]:
    """Return settings of `addons.monitoring` with a receiver at the address of this machine in the
    network of a lab. The image of kube-state-metrics cannot be built.
    """
    return {
        "kube_state_metrics": False,
        "interval": "15s",
        "memory": "512Mi",
        "receivers": {"lab": {"webhook": {"url": f"http://{network[-2]}:{port}/{token}"}}},
    }


@contextmanager
def receive_alerts(address: str, port: int, token: str) -> Iterator[AlertReceiver]:
    """Receive alerts on an address of this machine until the block ends. Other paths get the status 403."""
    receiver = AlertReceiver(f"http://{address}:{port}/{token}")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            permitted = self.path == f"/{token}"
            if permitted:
                receiver.alerts += message["alerts"]
            self.send_response(200 if permitted else 403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer((address, port), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main(address: str, port: str, token: str, file: str) -> None:
    """Receive alerts until the process ends, and write all of them into a file as JSON."""
    with receive_alerts(address, int(port), token) as receiver:
        while True:
            Path(file).write_text(json.dumps(receiver.alerts))
            time.sleep(0.5)


if __name__ == "__main__":
    main(*sys.argv[1:])
