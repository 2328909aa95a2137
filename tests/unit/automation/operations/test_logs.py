"""Tests of the command `logs`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from automation.errors import UserError
from automation.operations.logs import journal_script, logs
from automation.operations.remote import ScriptResult
from automation.operations.store_remote import StoreRemote
from automation.operations.target import Target
from providers.cloud.requests import CloudFailure, Place
from tests.unit.automation.conftest import FakeSsh

JOURNAL = "LC_ALL=C journalctl --no-pager --quiet --output=short-iso"
PLACE = Place("members/etcd", "e-1")


class TestScript:
    def test_the_newest_lines_of_all_units(self) -> None:
        assert journal_script([], "", 50) == f"{JOURNAL} --lines=50"

    def test_chosen_units(self) -> None:
        script = journal_script(["etcd", "dev-disk-by\\x2did@1.service"], "", 1)
        assert script == f"{JOURNAL} --unit=etcd '--unit=dev-disk-by\\x2did@1.service' --lines=1"

    @pytest.mark.parametrize(
        ("since", "argument"),
        [
            ("30m", "--since=-30m"),
            ("2d", "--since=-2d"),
            ("2026-11-21T10:00:00Z", "'--since=2026-11-21 10:00:00 UTC'"),
            ("2026-11-21T10:00:00+02:00", "'--since=2026-11-21 08:00:00 UTC'"),
        ],
    )
    def test_the_newest_lines_since_a_time(self, since: str, argument: str) -> None:
        assert journal_script([], since, 5) == f"{JOURNAL} {argument} | tail -n 5"

    @pytest.mark.parametrize("since", ["yesterday", "0m", "5", "1h; reboot", "-1h"])
    def test_another_start_is_an_error(self, since: str) -> None:
        with pytest.raises(
            UserError, match=r"not a duration or a time; give a value such as 30m, 2h or 2026"
        ):
            journal_script([], since, 5)

    @pytest.mark.parametrize("unit", ["", "a b", "$(reboot)", "--vacuum-size"])
    def test_another_unit_is_an_error_or_no_option(self, unit: str) -> None:
        if unit.startswith("--"):
            assert f"--unit={unit}" in journal_script([unit], "", 5)
        else:
            with pytest.raises(UserError, match=r"not a unit; give a name such as kubelet or etcd\.service"):
                journal_script([unit], "", 5)


class Remote(StoreRemote):
    """A machine of a cloud that answers with `result`."""

    def __init__(self, result: ScriptResult, failure: str, machines: object) -> None:
        super().__init__(lambda: cast(Any, machines), {"e-1": PLACE})
        self.result, self.failure = result, failure

    def run(self, *_: object, **__: object) -> ScriptResult:
        return self.result

    def boot_failure(self, host: str) -> str:
        return self.failure


def target(remote: object, *hosts: str) -> Target:
    return cast(Target, SimpleNamespace(remote=remote, hosts=hosts))


class TestLogs:
    def test_the_journal_of_a_host_is_read_over_ssh(
        self, fake_ssh: FakeSsh, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (fake_ssh.directory / "journalctl").write_text('#!/bin/sh\necho "journal $*"\n')
        (fake_ssh.directory / "journalctl").chmod(0o755)
        assert logs(target(fake_ssh.remote, "a"), "a", ["etcd"], "", 9) == 0
        out = capsys.readouterr().out
        assert out == "journal --no-pager --quiet --output=short-iso --unit=etcd --lines=9\n"

    def test_an_unknown_host_is_an_error(self, fake_ssh: FakeSsh) -> None:
        with pytest.raises(UserError, match="c: not a host of the stack; its hosts are a, b"):
            logs(target(fake_ssh.remote, "a", "b"), "c", [], "", 9)

    def test_an_unreachable_host_has_a_reason(
        self, fake_ssh: FakeSsh, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert logs(target(fake_ssh.remote, "lost"), "lost", [], "", 9) == 1
        assert "lost: the journal cannot be read: ssh: connect to host" in capsys.readouterr().out

    def test_a_machine_that_does_not_answer_has_its_boot_failure_and_its_console(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        silent = ScriptResult("e-1", 255, "", "the machine did not read its request", reached=False)
        machines = SimpleNamespace(console=lambda place: f"console of {place.name}\n")
        assert logs(target(Remote(silent, "no store\nline", machines), "e-1"), "e-1", [], "", 9) == 1
        assert capsys.readouterr().out == (
            "e-1: the journal cannot be read: the machine did not read its request\n"
            "\nThe last failure of the boot of e-1:\nno store\nline\n"
            "\nThe console of e-1:\nconsole of e-1\n"
        )

    def test_a_cloud_without_a_console_is_no_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        def refuse(place: Place) -> str:
            raise CloudFailure("AccessDenied")

        silent = ScriptResult("e-1", 255, "", "silent", reached=False)
        remote = Remote(silent, "", SimpleNamespace(console=refuse))
        assert logs(target(remote, "e-1"), "e-1", [], "", 9) == 1
        assert capsys.readouterr().out.endswith("e-1: the cloud does not answer: AccessDenied\n")
