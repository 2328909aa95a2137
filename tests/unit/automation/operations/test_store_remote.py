"""Tests of requests to machines of a cloud, with a directory as the store of `StoreRemote` and machines."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import pytest

from automation.errors import UserError
from automation.operations import store_remote
from automation.operations.remote import TIMED_OUT
from automation.operations.store_remote import StoreRemote
from providers.cloud.requests import CloudFailure, Place, Request, parse_response, released_at
from testkit.boot import BootMachine
from topology.model import Member

MEMBER = Place("members/etcd", "e-1")
NODE = Place("pools", "general", "i-0123")
PLACES: Mapping[str, Place] = {"e-1": MEMBER, "i-0123": NODE}
VARIABLES = {"e-1": {"KIND": "members/etcd", "UNIT": "e-1", "BOOT_NAME": "e-1"}, "i-0123": {}}


class DirectoryStore:
    """The store of a fake cloud, in the directory of a machine. The machine reads each request at once."""

    def __init__(self, machine: BootMachine, *, on: bool = True) -> None:
        self.machine, self.on = machine, on
        self.written: list[str] = []

    def create(self, key: str, text: str) -> bool:
        if (self.machine.store / key).exists():
            return False
        self.machine.put(key, text)
        self.written.append(key)
        if self.on:
            self.result = self.machine.run("requests")
        return True

    def write(self, key: str, source: BinaryIO) -> None:
        path = self.machine.store / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.read())
        self.written.append(key)

    def read(self, key: str) -> str | None:
        path = self.machine.store / key
        return path.read_text() if path.exists() else None

    def download(self, key: str, target: BinaryIO) -> int:
        path = self.machine.store / key
        return target.write(path.read_bytes()) if path.exists() else 0

    def remove(self, *keys: str) -> None:
        for key in keys:
            (self.machine.store / key).unlink(missing_ok=True)


class Machines:
    """The machines of a fake cloud."""

    def __init__(self, store: DirectoryStore) -> None:
        self.store = store

    def nodes(self, pool: str) -> tuple[Member, ...]:
        return ()

    def replace(self, place: Place) -> bool:
        raise NotImplementedError

    def console(self, place: Place) -> str:
        return ""


@pytest.fixture
def machine(tmp_path: Path) -> BootMachine:
    return BootMachine(tmp_path)


@pytest.fixture(params=["e-1", "i-0123"])
def host(machine: BootMachine, request: pytest.FixtureRequest) -> str:
    machine.write_user_data(**VARIABLES[request.param])
    return str(request.param)


def remote(machine: BootMachine, *, on: bool = True) -> StoreRemote:
    machines = Machines(DirectoryStore(machine, on=on))
    return StoreRemote(lambda: machines, PLACES)


def files(machine: BootMachine) -> list[str]:
    return sorted(str(path.relative_to(machine.store)) for path in machine.store.rglob("*") if path.is_file())


class TestRequests:
    def test_a_script_runs_with_its_input_and_returns_output_error_and_code(
        self, machine: BootMachine, host: str
    ) -> None:
        result = remote(machine).run(host, 'cat; echo "$BOOT_NAME"; echo lost >&2; exit 3', stdin="key\n")
        assert (result.code, result.output, result.reason) == (3, f"key\n{host}\n", "lost")
        assert result.reached
        assert not result.ok

    def test_nothing_remains_in_the_store_or_on_the_machine(self, machine: BootMachine, host: str) -> None:
        assert remote(machine).run(host, "cat", stdin="key").ok
        assert files(machine) == []
        left = [path.read_text() for path in machine.root.rglob("*") if path.is_file()]
        assert not [text for text in left if text == "key"]

    def test_scripts_and_inputs_are_in_no_argument(self, machine: BootMachine, host: str) -> None:
        script = "tr '\\0' ' ' </proc/$PPID/cmdline; echo top-secret >/dev/null; cat >/dev/null"
        result = remote(machine).run(host, script, stdin="key")
        assert "timeout" in result.output
        assert "top-secret" not in result.output

    def test_a_file_is_sent_and_an_output_is_written_to_a_file(
        self, machine: BootMachine, host: str, tmp_path: Path
    ) -> None:
        source, target = tmp_path / "source", tmp_path / "target"
        source.write_bytes(bytes(range(256)) * 4096)
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        sent = remote(machine).send(host, "sha256sum", source, timeout=20)
        assert sent.output == f"{digest}  -\n"
        script = f"cat {source}; echo done >&2"
        fetched = remote(machine).fetch(host, script, target, timeout=20)
        assert (fetched.output, fetched.error) == ("", "done\n")
        assert target.read_bytes() == source.read_bytes()
        assert target.stat().st_mode & 0o777 == 0o600

    def test_files_of_scripts_have_the_modes_that_they_have_over_ssh(
        self, machine: BootMachine, host: str, tmp_path: Path
    ) -> None:
        assert remote(machine).run(host, f"touch {tmp_path}/made").ok
        assert (tmp_path / "made").stat().st_mode & 0o777 == 0o644

    def test_a_script_that_does_not_end_in_time_is_stopped(self, machine: BootMachine, host: str) -> None:
        result = remote(machine).run(host, "echo begun; sleep 30", timeout=1)
        assert (result.code, result.output) == (TIMED_OUT, "begun\n")

    def test_a_host_that_is_no_machine_of_the_cluster_is_an_error(self, machine: BootMachine) -> None:
        with pytest.raises(
            UserError, match="cp-9: not a machine of the cluster; its machines are e-1, i-0123"
        ):
            remote(machine).run("cp-9", "true")

    def test_the_response_of_a_server_is_read_from_the_machine(self, machine: BootMachine, host: str) -> None:
        server = socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            with server, server.accept()[0] as connection:
                connection.sendall(b"\x00" + connection.recv(100) + b"\xff")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        response = remote(machine).send_from_host(host, "127.0.0.1", port, b"hello", timeout=5)
        thread.join(timeout=5)
        assert response == (b"\x00hello\xff", "")

    def test_a_connection_is_opened_from_the_machine(self, machine: BootMachine, host: str) -> None:
        response, reason = remote(machine).send_from_host(host, "127.0.0.1", 1, b"hello", timeout=2)
        assert response == b""
        assert "Connection refused" in reason


class TestMachinesThatDoNotAnswer:
    @pytest.fixture(autouse=True)
    def short_times(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(store_remote, "ACCEPT_SECONDS", 0.2)
        monkeypatch.setattr(store_remote, "_MARGIN_SECONDS", 0.2)
        monkeypatch.setattr(store_remote, "_INTERVAL_SECONDS", 0.05)

    def test_the_reason_has_the_last_failure_of_its_boot(self, machine: BootMachine, host: str) -> None:
        machine.put(PLACES[host].error, "2026-11-21T12:00:00Z: the store does not answer\nline\n")
        result = remote(machine, on=False).run(host, "true")
        assert not result.reached
        assert result.reason.startswith("the machine did not read its request in 0 s; look at its console")
        assert result.reason.endswith("its last failure: 2026-11-21T12:00:00Z: the store does not answer")
        assert files(machine) == [PLACES[host].error]

    def test_a_machine_that_ends_while_the_script_runs_is_a_timeout(
        self, machine: BootMachine, host: str
    ) -> None:
        access = remote(machine, on=False)

        class Accepting(DirectoryStore):
            def create(self, key: str, text: str) -> bool:
                identifier = text.partition("\n")[0].removeprefix("id=")
                self.machine.put(PLACES[host].response, f"{identifier} accepted\n")
                return super().create(key, text)

        access.machines.store = Accepting(machine, on=False)  # type: ignore[misc]
        result = access.run(host, "true", timeout=0.2)
        assert (result.code, result.reason) == (TIMED_OUT, "no response in 0 s")

    def test_the_request_of_another_deployer_is_not_replaced(self, machine: BootMachine, host: str) -> None:
        other = Request(id="a1", expiry=int(time.time()) + 60, seconds=60, script="true").text()
        machine.put(PLACES[host].request, other)
        result = remote(machine).run(host, "true")
        assert "another command uses this machine" in result.reason
        assert (machine.store / PLACES[host].request).read_text() == other

    def test_the_old_request_of_an_interrupted_command_is_replaced(
        self, machine: BootMachine, host: str
    ) -> None:
        old = Request(id="a1", expiry=int(time.time()) - 90, seconds=60, script="false").text()
        machine.put(PLACES[host].request, old)
        assert remote(machine).run(host, "true").ok

    def test_a_store_that_refuses_a_call_is_a_result(self, machine: BootMachine, host: str) -> None:
        class Refusing(DirectoryStore):
            def create(self, key: str, text: str) -> bool:
                raise CloudFailure("AccessDenied")

        access = remote(machine)
        access.machines.store = Refusing(machine)  # type: ignore[misc]
        result = access.run(host, "true")
        assert (result.reached, result.reason) == (False, "store: AccessDenied")


class TestMachine:
    def put(self, machine: BootMachine, expiry: float, script: str = "echo ran >>$FAKE/ran") -> None:
        machine.write_user_data()
        machine.put(NODE.request, Request(id="a1", expiry=int(expiry), seconds=9, script=script).text())

    def test_a_request_runs_once(self, machine: BootMachine) -> None:
        self.put(machine, time.time() + 60)
        assert [machine.run("requests").returncode for _ in range(2)] == [0, 0]
        machine.restart()
        assert machine.run("requests").returncode == 0
        assert (machine.fake / "ran").read_text() == "ran\n"

    def test_an_old_request_does_not_run_and_the_answer_has_the_time_of_the_machine(
        self, machine: BootMachine
    ) -> None:
        self.put(machine, time.time() - 1)
        machine.run("requests")
        assert not (machine.fake / "ran").exists()
        response = parse_response((machine.store / NODE.response).read_text())
        assert response is not None
        assert response.refused
        assert "the clock of this machine says 2" in response.error
        assert response.error.endswith("; correct the clock of the machine")

    def test_a_machine_without_a_delivery_answers(self, machine: BootMachine) -> None:
        self.put(machine, time.time() + 60)
        assert not (machine.root / "var/lib/kubewright").exists()
        machine.run("requests")
        response = parse_response((machine.store / NODE.response).read_text())
        assert response is not None
        assert response.code == 0

    def test_a_response_that_no_command_waits_for_is_not_written(self, machine: BootMachine) -> None:
        self.put(machine, time.time() + 60, script=f"rm $FAKE/store/{NODE.request}; echo a long output")
        assert machine.run("requests").returncode == 0
        assert files(machine) == [NODE.response]
        response = parse_response((machine.store / NODE.response).read_text())
        assert response is not None
        assert response.code is None
        assert not (machine.root / "run/kubewright-boot/output").exists()

    def test_a_request_is_in_the_journal_without_its_script(self, machine: BootMachine) -> None:
        self.put(machine, time.time() + 60, script="echo top-secret")
        assert machine.run("requests").stdout == "kubewright: request a1 of the deployer\n"


@pytest.mark.parametrize("text", ["", "a1", "a1 accepted 3", "a1 x 3", "a1 0 x", "a1 0", "<html>\n"])
def test_a_text_that_is_no_response_is_ignored(text: str) -> None:
    assert parse_response(text) is None


def test_a_request_says_when_it_no_longer_runs() -> None:
    assert released_at(Request(id="a1", expiry=100, seconds=30, script="").text()) == 130
    assert released_at("leave\n") == 0
