"""Loki and the OpenTelemetry Collector as processes on loopback, with the configurations of the add-ons."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from components.addons.collector_config import ADDRESS_VARIABLE
from components.addons.collector_sources import NODE_VARIABLE, CollectorPaths
from components.addons.loki_config import PASSWORD_VARIABLE, TENANT, alert_rules, loki_configuration
from testkit.certificates import CertificateAndKey, issue_certificate
from testkit.control_plane import binary_path, free_ports
from testkit.wait import eventually
from topology.logs import Events, LokiStore

COLLECTOR, LOKI = "otelcol-contrib", "loki"
NODE = "node-1"
_STARTS = 90


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:  # noqa: ANN401 - its result
    """Wait until `condition` returns something true, and return it. `what` names it in the error."""
    return eventually(what, condition, timeout=seconds, interval=0.3)


@dataclass(frozen=True)
class LokiClient:
    """A client of Loki. `directory` has the files of its certificate."""

    url: str
    directory: Path

    def pool(self, **keywords: Any) -> urllib3.PoolManager:  # noqa: ANN401 - arguments of urllib3
        """Return connections with the certificate, or with other `keywords`."""
        files = {"cert_file": "tls.crt", "key_file": "tls.key", "ca_certs": "ca.crt"}
        paths = {key: str(self.directory / name) for key, name in files.items()}
        return urllib3.PoolManager(retries=False, **{**paths, **keywords})

    def query(self, query: str, limit: int = 5000) -> list[dict[str, Any]]:
        """Return the entries of a LogQL query of the last hours, each with its labels, time and line."""
        now = time.time()
        fields = {
            "query": query,
            "limit": str(limit),
            "start": f"{now - 6 * 3600:.0f}",
            "end": f"{now + 60:.0f}",
        }
        answer = self.pool().request("GET", f"{self.url}/loki/api/v1/query_range", fields=fields, timeout=30)
        assert answer.status == 200, answer.data
        return [
            {"labels": stream["stream"], "time": int(time_text), "line": line}
            for stream in answer.json()["data"]["result"]
            for time_text, line, *_ in stream["values"]
        ]

    def lines(self, query: str) -> list[str]:
        """Return the lines of the entries of a query."""
        return [entry["line"] for entry in self.query(query)]


@dataclass
class LokiProcess:
    """Loki with its data and an authority of its own in `directory`. It can be stopped and started again."""

    directory: Path
    store: LokiStore
    events: Events | None = None
    password: str = ""
    ports: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    authority: CertificateAndKey = field(default_factory=lambda: issue_certificate("loki-ca"))

    def __enter__(self) -> LokiProcess:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ports = tuple(free_ports(3))
        server = issue_certificate("loki", issuer=self.authority, server=True)
        write_certificate(self.directory / "tls", self.authority, server)
        write_certificate(self.directory / "client", self.authority, self.client())
        self.write_configuration()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def client(self) -> CertificateAndKey:
        """Issue a certificate for a client."""
        return issue_certificate("client", issuer=self.authority)

    @property
    def url(self) -> str:
        """The URL of the API."""
        return f"https://localhost:{self.ports[0]}"

    def write_configuration(self) -> Path:
        """Write the configuration and the rules, whose group is evaluated every second."""
        # The directories and links of a ConfigMap in a pod.
        rules = self.directory / "rules" / TENANT
        (rules / "..first").mkdir(parents=True)
        (rules / "..data").symlink_to("..first")
        (rules / "events.json").symlink_to("..data/events.json")
        document = alert_rules(self.events.alerts if self.events else ())
        for group in document["groups"]:
            group["interval"] = "1s"
        (rules / "..first/events.json").write_text(json.dumps(document))
        first, second, third = self.ports
        configuration = loki_configuration(
            self.store,
            self.events,
            data=f"{self.directory}/data",
            tls=f"{self.directory}/tls",
            rules=f"{self.directory}/rules",
            authorities=f"{self.directory}/authorities",
            addresses=("127.0.0.1", "127.0.0.1"),
            ports=(first, second, third),
        )
        path = self.directory / "loki.json"
        path.write_text(json.dumps(configuration))
        return path

    def command(self, *arguments: str) -> list[str]:
        """Return the command of the program with further arguments."""
        file = f"-config.file={self.directory}/loki.json"
        return [binary_path(LOKI), file, "-config.expand-env=true", *arguments]

    def start(self) -> None:
        """Start Loki and wait until it is ready."""
        with (self.directory / "loki.log").open("ab") as log:
            environment = os.environ | {PASSWORD_VARIABLE: self.password}
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, env=environment)
        wait_for(self._is_ready, "Loki is ready", _STARTS)

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.directory / "loki.log").read_text()[-3000:]
        try:
            answer = urllib3.PoolManager(retries=False).request(
                "GET", f"http://127.0.0.1:{self.ports[1]}/ready", timeout=2
            )
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status == 200

    def stop(self) -> None:
        """Stop Loki as the kubelet does: kill it after the time that the pod has, because it does not end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    @property
    def reader(self) -> LokiClient:
        """A client with a certificate of Loki's authority."""
        return LokiClient(self.url, self.directory / "client")

    def query(self, query: str) -> list[dict[str, Any]]:
        """Return the entries of a query as `LokiClient.query` does."""
        return self.reader.query(query)

    def lines(self, query: str) -> list[str]:
        """Return the lines of the entries of a query."""
        return self.reader.lines(query)


@dataclass
class CollectorProcess:
    """A collector with a configuration that runs on a directory with the files of a host."""

    directory: Path
    configuration: dict[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    health: int = 0

    def __enter__(self) -> CollectorProcess:
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "data").mkdir(exist_ok=True)
        (self.health,) = free_ports(1)
        self.configuration["extensions"]["health_check"]["endpoint"] = f"127.0.0.1:{self.health}"
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the collector and wait until it is healthy."""
        path = write_collector(self.directory, self.configuration)
        with (self.directory / "collector.log").open("ab") as log:
            self.process = subprocess.Popen(
                [binary_path(COLLECTOR), f"--config=file:{path}"],
                stdout=log,
                stderr=log,
                env=collector_environment() | dict(self.environment),
            )
        wait_for(self._is_healthy, "the collector is healthy")

    def _is_healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()[-4000:]
        try:
            url = f"http://127.0.0.1:{self.health}/"
            return urllib3.PoolManager(retries=False).request("GET", url, timeout=2).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def log(self) -> str:
        """Return what the collector logged."""
        return (self.directory / "collector.log").read_text()

    def stop(self, *, kill: bool = False) -> None:
        """Stop the collector, or kill it as the kernel does when it needs too much memory."""
        if self.process is not None and self.process.poll() is None:
            if kill:
                self.process.kill()
            else:
                self.process.terminate()
            self.process.wait(timeout=60)
        self.process = None


def collector_environment() -> dict[str, str]:
    """Return the environment of a collector in its pod."""
    return {**os.environ, NODE_VARIABLE: NODE, ADDRESS_VARIABLE: "127.0.0.1"}


def collector_paths(root: Path, client: Path) -> CollectorPaths:
    """Return the directories of a collector below `root`, with the client certificate in `client`."""
    return CollectorPaths(
        host=f"{root}/host",
        tls=str(client),
        authorities=f"{root}/authorities",
        passwords=f"{root}/passwords",
        data=f"{root}/data",
    )


def write_collector(directory: Path, configuration: dict[str, Any]) -> Path:
    """Write the configuration of a collector and return its path."""
    path = directory / "config.json"
    path.write_text(json.dumps(configuration))
    return path


def write_certificate(directory: Path, authority: CertificateAndKey, pair: CertificateAndKey) -> None:
    """Write the files of a Secret with a certificate."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "ca.crt").write_bytes(authority.certificate_pem)
    (directory / "tls.crt").write_bytes(pair.certificate_pem)
    (directory / "tls.key").write_bytes(pair.key_pem)
