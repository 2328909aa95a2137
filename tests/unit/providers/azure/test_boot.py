"""Tests of the boot program for Azure with sh and curl, against a local metadata service and store."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

CLOUD_PART = Path(__file__).resolve().parents[4] / "providers/azure/boot.sh"
TOKEN = "eyJ.a-token"
IDENTITY = (
    "/subscriptions/S/resourceGroups/kubewright-dev/providers/Microsoft.ManagedIdentity/"
    "userAssignedIdentities/dev-pool-general"
)
# The functions of the shared part that the part of Azure uses.
SHARED_FUNCTIONS = """
set -eu
umask 077
ROOT=$FAKE UNITS=$FAKE RUN=$FAKE PLACE=/place CA_FILE=
unit() { { printf '[Unit]\\nDescription=%s\\n' "$2" && cat; } >"$UNITS/$1"; }
systemctl() { echo "systemctl $*" >>"$FAKE/log"; }
mkdir -p "$FAKE/place" "$FAKE/etc"
: >>"$FAKE/etc/hosts"
"""


@dataclass
class Machine:
    """A machine with the data of its metadata service and its store."""

    directory: Path
    url: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)
    events: list[dict[str, object]] = field(default_factory=list)
    approved_events: list[str] = field(default_factory=list)
    metadata: dict[str, str] = field(
        default_factory=lambda: {
            "compute/name": "general-1_7",
            "compute/osProfile/computerName": "General-1-000007",
            "compute/resourceId": "/subscriptions/S/resourceGroups/KubeWright-Dev/providers/"
            "Microsoft.Compute/virtualMachineScaleSets/general-1/virtualMachines/7",
            "network/interface/0/ipv4/ipAddress/0/privateIpAddress": "10.30.64.9",
        }
    )

    def run(self, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        all_variables = {
            "STORE": self.url,
            "CONTAINER": "pool-general",
            "METADATA": self.url,
            "IDENTITY": quote(IDENTITY, safe=""),
            "STORAGE": "https%3A%2F%2Fstorage.azure.com%2F",
            "PODS": "10.244.0.0/16",
            "VOLUME": "",
            "HEALTH": "",
            "ENDPOINT": "",
            "BOOT_NAME": "",
            "FAKE": str(self.directory),
            **variables,
        }
        assignments = "".join(f"{name}='{value}'\n" for name, value in all_variables.items())
        program = assignments + SHARED_FUNCTIONS + CLOUD_PART.read_text() + command
        return subprocess.run(["sh", "-c", program], capture_output=True, text=True, timeout=60, check=False)

    def unit(self, name: str) -> str:
        return (self.directory / name).read_text()


class _AzureHandler(BaseHTTPRequestHandler):
    machine: Machine

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/metadata/"):
            self._metadata(path.removeprefix("/metadata/"))
        elif self._is_authorized() and path in self.machine.blobs:
            self._respond(200, self.machine.blobs[path])
        else:
            self._respond(404 if self._is_authorized() else 403, b"")

    def do_PUT(self) -> None:
        if self.headers.get("x-ms-blob-type") != "BlockBlob" or not self._is_authorized():
            self._respond(400, b"")
            return
        self.machine.blobs[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._respond(201, b"")

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.machine.approved_events += [
            start_request["EventId"] for start_request in request["StartRequests"]
        ]
        self._respond(200, b"")

    def _metadata(self, item: str) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if self.headers.get("Metadata") != "true" or not query.get("api-version"):
            self._respond(400, b"")
        elif item == "identity/oauth2/token":
            # A policy has given the machine a second identity.
            named = query.get("msi_res_id") == [IDENTITY]
            own = named and query["resource"] == ["https://storage.azure.com/"]
            self._respond(200, json.dumps({"access_token": TOKEN if own else "other"}).encode())
        elif item == "scheduledevents":
            self._respond(200, json.dumps({"DocumentIncarnation": 2, "Events": self.machine.events}).encode())
        else:
            self._respond(200, self.machine.metadata[item.removeprefix("instance/")].encode())

    def _is_authorized(self) -> bool:
        return (
            self.headers.get("Authorization") == f"Bearer {TOKEN}"
            and self.headers.get("x-ms-version", "") >= "2017-11-09"
        )

    def _respond(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_AzureHandler,), {"machine": machine}))
    machine.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield machine
    server.shutdown()
    server.server_close()


class TestIdentity:
    def test_node_name_equals_the_name_of_the_cloud_controller(self, machine: Machine) -> None:
        result = machine.run('cloud_identity && echo "$BOOT_NAME $BOOT_ADDRESS $BOOT_ID"')
        assert result.stdout.split() == [
            "general-1-000007",
            "10.30.64.9",
            "azure:///subscriptions/S/resourceGroups/kubewright-dev/providers/Microsoft.Compute/"
            "virtualMachineScaleSets/general-1/virtualMachines/7",
        ], result.stderr

    def test_a_member_has_its_own_name(self, machine: Machine) -> None:
        result = machine.run('cloud_identity && echo "$BOOT_NAME"', BOOT_NAME="cp-1")
        assert result.stdout == "cp-1\n"

    def test_machine_is_prepared_only_once(self, machine: Machine) -> None:
        machine.run("cloud_identity && cloud_identity", ENDPOINT="api.test")
        assert machine.unit("log").count("systemctl enable") == 1
        assert machine.unit("etc/hosts") == "127.0.0.1 api.test # kubewright\n"

    def test_pods_cannot_reach_the_metadata_service(self, machine: Machine) -> None:
        machine.run("cloud_identity", METADATA=machine.url)
        port = machine.url.rsplit(":", 1)[1]
        rules = [
            line for line in machine.unit("kubewright-metadata.service").splitlines() if "rule add" in line
        ]
        assert f"from 10.244.0.0/16 to 127.0.0.1 ipproto 6 dport {port} prohibit" in rules[0]
        assert len(rules) == 3

    def test_systemd_networkd_keeps_the_rule_for_the_metadata_service(self, machine: Machine) -> None:
        machine.run("cloud_identity", METADATA=machine.url)
        assert "PartOf=systemd-networkd.service\n" in machine.unit("kubewright-metadata.service")
        settings = machine.directory / "etc/systemd/networkd.conf.d/kubewright.conf"
        assert settings.read_text() == "[Network]\nManageForeignRoutingPolicyRules=no\n"
        # The process has a separate user.
        assert settings.stat().st_mode & 0o004
        assert settings.parent.stat().st_mode & 0o005 == 0o005


class TestStore:
    def test_an_object_is_read_from_the_machines_container(self, machine: Machine) -> None:
        machine.blobs["/pool-general/pools/general/node.sh"] = b"what it becomes\n"
        target = machine.directory / "node.sh"
        result = machine.run(f"cloud_get pools/general/node.sh {target}")
        assert result.returncode == 0, result.stderr
        assert target.read_text() == "what it becomes\n"

    def test_a_file_is_fetched_from_the_container_of_files(self, machine: Machine) -> None:
        machine.blobs["/artifacts/tool/1.0/abc"] = b"the tool\n"
        target = machine.directory / "tool"
        result = machine.run(f"cloud_artifact tool/1.0/abc {target}")
        assert result.returncode == 0, result.stderr
        assert target.read_text() == "the tool\n"

    def test_status_is_written_to_the_status_container(self, machine: Machine) -> None:
        (machine.directory / "status").write_text("digest\n")
        result = machine.run(f"cloud_put status/pools/general/n/node {machine.directory}/status")
        assert result.returncode == 0, result.stderr
        assert machine.blobs == {"/pool-general-status/status/pools/general/n/node": b"digest\n"}

    def test_a_missing_object_is_a_failure(self, machine: Machine) -> None:
        assert machine.run(f"cloud_get pools/general/none {machine.directory}/none").returncode != 0

    def test_the_token_is_in_no_output(self, machine: Machine) -> None:
        result = machine.run(f"cloud_get pools/general/none {machine.directory}/none")
        assert TOKEN not in result.stdout + result.stderr


class TestLeaving:
    def event(self, kind: str, machine: str) -> dict[str, object]:
        return {
            "EventId": f"{kind}-{machine}",
            "EventType": kind,
            "ResourceType": "VirtualMachine",
            "Resources": [machine],
            "EventStatus": "Scheduled",
            "NotBefore": "Mon, 19 Sep 2016 18:29:47 GMT",
        }

    @pytest.mark.parametrize("kind", ["Terminate", "Preempt"])
    def test_machine_drains_after_its_termination_notice(self, machine: Machine, kind: str) -> None:
        machine.events = [self.event("Reboot", "general-1_7"), self.event(kind, "general-1_7")]
        assert machine.run("cloud_leaving").returncode == 0
        assert machine.run("cloud_left").returncode == 0
        assert machine.approved_events == [f"{kind}-general-1_7"]

    def test_events_with_nested_objects_are_understood(self, machine: Machine) -> None:
        """The answer is parsed as JSON: its order, spaces and nested objects do not matter."""
        event = self.event("Terminate", "general-1_7")
        machine.events = [
            {"Details": {"EventType": "Freeze", "Note": "a } and a {"}, **dict(reversed(event.items()))}
        ]
        assert machine.run("cloud_leaving").returncode == 0

    def test_machine_ignores_other_terminations_and_maintenance(self, machine: Machine) -> None:
        machine.events = [
            self.event("Terminate", "general-1_77"),
            self.event("Freeze", "general-1_7"),
            self.event("Redeploy", "general-1_7"),
        ]
        assert machine.run("cloud_leaving").returncode != 0
        machine.run("cloud_left")
        assert machine.approved_events == []


class TestHealth:
    def probe(self, machine: Machine, kubelet: str) -> tuple[str, dict[str, str]]:
        machine.run("cloud_identity", HEALTH="10290")
        program = machine.unit("place/health").replace("http://127.0.0.1:10248", kubelet)
        result = subprocess.run(
            ["sh", "-c", program],
            input="GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        head, body = result.stdout.split("\n\n", 1)
        assert f"Content-Length: {len(body)}" in head
        return head.splitlines()[0], json.loads(body)

    def test_health_extension_reports_a_node_without_a_kubelet(self, machine: Machine) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        status, body = self.probe(machine, f"http://127.0.0.1:{port}")
        assert (status, body) == ("HTTP/1.1 200 OK", {"ApplicationHealthState": "Unhealthy"})

    def test_health_extension_reports_a_healthy_node(self, machine: Machine) -> None:
        machine.blobs["/healthz"] = b"ok"
        kubelet_handler = type(
            "Kubelet", (_AzureHandler,), {"machine": machine, "_is_authorized": lambda _: True}
        )
        server = ThreadingHTTPServer(("127.0.0.1", 0), kubelet_handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            _, body = self.probe(machine, f"http://127.0.0.1:{server.server_address[1]}")
        finally:
            server.shutdown()
            server.server_close()
        assert body == {"ApplicationHealthState": "Healthy"}

    def test_only_pools_have_the_health_endpoint(self, machine: Machine) -> None:
        machine.run("cloud_identity")
        assert not (machine.directory / "kubewright-health.socket").exists()
