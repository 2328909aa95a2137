"""What `up` waits for, against a local server that answers as Azure's blobs and management API do."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from azure.core.credentials import AccessToken

from providers.azure import wait
from providers.azure.wait import Blobs, ScaleSets
from providers.cloud.polling import Polling, WaitError
from testkit.artifact_server import self_signed

SET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/general-1"
QUICK = Polling(limit=0.3, every=0.05)
TOKEN = "a-token"


class Credential:
    """Gives one token for everything."""

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        return AccessToken(TOKEN, int(time.time()) + 3600)


@dataclass
class Cloud:
    """The server: blobs by path, and JSON answers of the management API by path."""

    url: str
    ca_file: str
    blobs: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, object] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def statuses(self) -> Blobs:
        return Blobs(f"{self.url}/general-status", Credential(), self.ca_file)

    def objects(self) -> Blobs:
        return Blobs(f"{self.url}/general", Credential(), self.ca_file)

    def sets(self) -> ScaleSets:
        return ScaleSets(self.url, Credential(), self.ca_file)

    def say(self, key: str, digest: str) -> None:
        self.blobs[f"/general-status/{key}"] = f"{digest}\n".encode()

    def have(self, nodes: list[str], capacity: int, upgrade: Mapping[str, object] | None = None) -> None:
        machines = [{"properties": {"osProfile": {"computerName": node.upper()}}} for node in nodes]
        second = f"{self.url}{SET}/virtualMachines-2?api-version=x"
        self.answers = {
            SET: {"sku": {"capacity": capacity}},
            f"{SET}/virtualMachines": {"value": machines[:1], "nextLink": second},
            f"{SET}/virtualMachines-2": {"value": machines[1:]},
        }
        if upgrade is not None:
            self.answers[f"{SET}/rollingUpgrades/latest"] = {"properties": upgrade}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    certificate_file, key_file = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    made = Cloud(f"https://127.0.0.1:{server.server_address[1]}", str(certificate_file))
    _Handler.cloud = made
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cloud: Cloud

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.cloud.requests.append(("GET", path))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._give(401, b"")
        elif path in self.cloud.blobs:
            data = self.cloud.blobs[path]
            self._give(206, data, f"bytes 0-{len(data) - 1}/{len(data)}")
        elif path in self.cloud.answers:
            self._give(200, json.dumps(self.cloud.answers[path]).encode())
        else:
            self._give(404, b"")

    def do_PUT(self) -> None:
        path = urlsplit(self.path).path
        self.cloud.requests.append(("PUT", path))
        self.cloud.blobs[path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._give(201, b"")

    def do_DELETE(self) -> None:
        path = urlsplit(self.path).path
        self.cloud.requests.append(("DELETE", path))
        self._give(202 if self.cloud.blobs.pop(path, None) is not None else 404, b"")

    def _give(self, status: int, data: bytes, range: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", '"0x1"')
        self.send_header("Last-Modified", "Fri, 20 Nov 2026 10:00:00 GMT")
        if range:
            self.send_header("Content-Range", range)
        if status == 404:
            self.send_header("x-ms-error-code", "BlobNotFound")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class TestGate:
    def test_it_waits_until_every_status_is_the_digest(self, cloud: Cloud) -> None:
        cloud.say("status/a", "new")
        timer = threading.Timer(0.15, lambda: cloud.say("status/b", "new"))
        timer.start()
        wait.gate(cloud.statuses(), ["status/a", "status/b"], "new", Polling(limit=20, every=0.05))
        assert ("GET", "/general-status/status/b") in cloud.requests

    def test_an_old_status_is_named_when_the_time_is_over(self, cloud: Cloud) -> None:
        cloud.say("status/a", "old")
        with pytest.raises(WaitError, match="not healthy yet: status/a"):
            wait.gate(cloud.statuses(), ["status/a"], "new", QUICK)


class TestRoll:
    MACHINE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/cp-1"

    def wait(self, cloud: Cloud, made: str) -> None:
        cloud.answers[self.MACHINE] = {"properties": {"timeCreated": made}}
        wait.roll(cloud.statuses(), cloud.sets(), self.MACHINE, ["status/a"], "same", QUICK)

    def test_the_status_of_the_machine_before_is_no_news_of_this_one(self, cloud: Cloud) -> None:
        # The server's blobs are all of ten o'clock.
        cloud.say("status/a", "same")
        with pytest.raises(WaitError, match="not healthy yet: status/a"):
            self.wait(cloud, "2026-11-20T10:00:01.0000001+00:00")
        self.wait(cloud, "2026-11-20T10:00:00.9876543+00:00")
        self.wait(cloud, "2026-11-19T10:00:00+00:00")

    def test_a_new_status_must_be_the_digest_too(self, cloud: Cloud) -> None:
        cloud.say("status/a", "other")
        with pytest.raises(WaitError, match="not healthy yet"):
            self.wait(cloud, "2026-11-19T10:00:00+00:00")


class TestPool:
    def wait(self, cloud: Cloud, patience: Polling = QUICK) -> None:
        wait.pool(cloud.statuses(), cloud.sets(), [SET], "status/pools/general", "node", "new", patience)

    def test_all_pages_of_nodes_are_looked_at(self, cloud: Cloud) -> None:
        cloud.have(["general-1-000000", "general-1-000001"], 2)
        cloud.say("status/pools/general/general-1-000000/node", "new")
        with pytest.raises(WaitError, match="general-1-000001/node"):
            self.wait(cloud)
        cloud.say("status/pools/general/general-1-000001/node", "new")
        self.wait(cloud)

    def test_a_node_of_an_older_description_is_waited_for(self, cloud: Cloud) -> None:
        cloud.have(["general-1-000000"], 1)
        cloud.say("status/pools/general/general-1-000000/node", "new")
        (machine,) = cast(Any, cloud.answers[f"{SET}/virtualMachines"])["value"]
        machine["properties"]["latestModelApplied"] = False
        with pytest.raises(WaitError, match="not replaced yet: general-1-000000"):
            self.wait(cloud)
        machine["properties"]["latestModelApplied"] = True
        self.wait(cloud)

    def test_a_missing_node_is_counted(self, cloud: Cloud) -> None:
        cloud.have(["general-1-000000"], 2)
        cloud.say("status/pools/general/general-1-000000/node", "new")
        with pytest.raises(WaitError, match="1 of 2 nodes of general-1 are there"):
            self.wait(cloud)

    @staticmethod
    def upgrade(code: str, began: str, why: str = "") -> Mapping[str, object]:
        """An upgrade as Azure tells it (its API's RollingUpgradeStatusInfo)."""
        error = {"error": {"message": why}} if why else {}
        return {"runningStatus": {"code": code, "startTime": began}, **error}

    def test_an_upgrade_that_gives_up_ends_it_at_once_with_the_reason(self, cloud: Cloud) -> None:
        cloud.have(["general-1-000000"], 1, self.upgrade("RollingForward", "2026-11-20T10:00:00Z"))
        failed = {"properties": self.upgrade("Faulted", "2026-11-20T10:00:00Z", "too many unhealthy")}
        latest = f"{SET}/rollingUpgrades/latest"
        timer = threading.Timer(0.3, lambda: cloud.answers.update({latest: failed}))
        timer.start()
        begun = time.monotonic()
        with pytest.raises(WaitError, match=r"general-1: .*too many unhealthy"):
            self.wait(cloud, Polling(limit=60, every=0.05))
        timer.join()
        assert time.monotonic() - begun < 30

    def test_the_upgrade_before_does_not_end_it_and_the_new_one_does(self, cloud: Cloud) -> None:
        """Azure begins an upgrade some time after the set has changed."""
        cloud.have(["general-1-000000"], 1, self.upgrade("Faulted", "2026-11-19T10:00:00Z", "the old reason"))
        with pytest.raises(WaitError, match="not healthy yet"):
            self.wait(cloud)
        latest = f"{SET}/rollingUpgrades/latest"
        new = {"properties": self.upgrade("Faulted", "2026-11-20T10:00:00Z", "the new reason")}
        timer = threading.Timer(0.3, lambda: cloud.answers.update({latest: new}))
        timer.start()
        with pytest.raises(WaitError, match="the new reason"):
            self.wait(cloud, Polling(limit=60, every=0.05))
        timer.join()

    def test_one_that_had_ended_is_believed_when_no_other_begins(self, cloud: Cloud) -> None:
        cloud.have(["general-1-000000"], 1, self.upgrade("Faulted", "2026-11-20T10:00:00Z", "it was this"))
        begun = time.monotonic()
        with pytest.raises(WaitError, match="it was this"):
            self.wait(cloud, Polling(limit=60, every=0.05, settle=0.3))
        assert 0.3 <= time.monotonic() - begun < 30

    def test_an_old_failure_does_not_matter_once_all_is_well(self, cloud: Cloud) -> None:
        cloud.have(["general-1-000000"], 1, {"runningStatus": {"code": "Faulted"}})
        cloud.say("status/pools/general/general-1-000000/node", "new")
        self.wait(cloud)

    def test_the_token_goes_to_no_other_host(self, cloud: Cloud) -> None:
        cloud.have(["a"], 1)
        cloud.answers[f"{SET}/virtualMachines"] = {"value": [], "nextLink": "https://elsewhere.test/x"}
        with pytest.raises(WaitError, match="another host"):
            self.wait(cloud)


class TestLeave:
    ASKED, ANSWERED = "members/etcd/e-1/leave", "status/members/etcd/e-1/left"

    def test_a_member_answers_and_no_word_stays(self, cloud: Cloud) -> None:
        cloud.say(self.ANSWERED, "an old answer")

        def member() -> None:
            while f"/general/{self.ASKED}" not in cloud.blobs:
                time.sleep(0.02)
            cloud.say(self.ANSWERED, "left")

        threading.Thread(target=member, daemon=True).start()
        patience = Polling(limit=20, every=0.05)
        wait.leave(cloud.objects(), self.ASKED, cloud.statuses(), self.ANSWERED, patience)
        assert cloud.blobs == {}

    def test_one_that_does_not_answer_is_no_longer_asked(self, cloud: Cloud) -> None:
        with pytest.raises(WaitError, match="has not left"):
            wait.leave(cloud.objects(), self.ASKED, cloud.statuses(), self.ANSWERED, QUICK)
        assert cloud.blobs == {}


class TestCommand:
    def run(self, cloud: Cloud, *words: str) -> int:
        common = ["--statuses", f"{cloud.url}/general-status", "--seconds", "0.2", "--ca-file", cloud.ca_file]
        return wait.main([*common, *words], lambda _: Credential())

    def test_done_is_0(self, cloud: Cloud) -> None:
        cloud.say("status/a", "new")
        assert self.run(cloud, "gate", "new", "status/a") == 0

    def test_not_done_is_1_and_one_line(self, cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.run(cloud, "gate", "new", "status/a") == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert TOKEN not in error
