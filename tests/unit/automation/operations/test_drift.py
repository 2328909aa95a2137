"""Tests of the exit code and output of `drift`, which a scheduled pipeline checks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from automation.deliveries import Delivery
from automation.operations import drift as operation
from automation.operations.remote import ScriptResult
from automation.operations.target import Target
from automation.releases.compare import ReleaseComparison
from automation.releases.drift import ReleaseDifference
from nodeconfig.bundle import Bundle, Identity
from nodeconfig.drift import comparison_script
from nodeconfig.render import script
from testkit.host import PROGRAM
from topology.model import Role

BUNDLE = Bundle(role=Role.NODE, program=PROGRAM, files=(), secrets=(), artifacts=(), services=())
DELIVERIES = [
    Delivery(host, Role.NODE, script(BUNDLE, Identity(host, "10.9.0.21")), "payload")
    for host in ("w-1", "w-2")
]
COMPARED = "compared\tw-1\tnode\n"


class ComparedHosts:
    """Hosts that answer as delivered, except for the hosts with a result."""

    def __init__(self, results: tuple[ScriptResult, ...]) -> None:
        self.results = {result.host: result for result in results}

    def run(self, host: str, script: str, **_: object) -> ScriptResult:
        (delivery,) = (item for item in DELIVERIES if item.host == host)
        assert script == comparison_script(delivery.script)
        return self.results.get(host, ScriptResult(host, 0, COMPARED, ""))


def run_drift(
    monkeypatch: pytest.MonkeyPatch, *results: ScriptResult, releases: ReleaseComparison | None = None
) -> int:
    """Run `drift` on two hosts, of which some have these results."""
    monkeypatch.setattr(operation, "find_deliveries", lambda _: DELIVERIES)
    monkeypatch.setattr(operation, "compare_releases", lambda _: releases or {})
    target = SimpleNamespace(remote=ComparedHosts(results), engine=None)
    return operation.drift(cast(Target, target))


def test_release_as_installed_has_no_drift(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_drift(monkeypatch, releases={"shop/web": []}) == 0
    assert "no drift: 1 Helm releases" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ([ReleaseDifference("Deployment shop/web", "was deleted")], "was deleted"),
        ("not compared: no answer", "not compared: no answer"),
    ],
)
def test_changed_release_is_drift(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    result: list[ReleaseDifference] | str,
    text: str,
) -> None:
    assert run_drift(monkeypatch, releases={"shop/web": result, "shop/db": []}) == 1
    output = capsys.readouterr().out
    assert "shop/web" in output
    assert "shop/db" not in output
    assert text in output


def test_hosts_as_delivered_have_no_drift(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_drift(monkeypatch) == 0
    assert "no drift: 2 roles on 2 hosts match their deliveries" in capsys.readouterr().out


def test_a_difference_on_one_host_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = ScriptResult("w-2", 0, f"file\t/etc/a\tis missing\n{COMPARED}", "")
    assert run_drift(monkeypatch, changed) == 1
    output = capsys.readouterr().out
    assert "file /etc/a" in output
    assert "w-1" not in output


@pytest.mark.parametrize(
    "result",
    [
        ScriptResult("w-1", 255, "", "No route to host", reached=False),
        ScriptResult("w-1", 1, COMPARED, "sh: cannot fork"),
        ScriptResult("w-1", 0, "", ""),
    ],
    ids=["unreachable", "failed", "incomplete"],
)
def test_a_host_that_was_not_compared_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], result: ScriptResult
) -> None:
    assert run_drift(monkeypatch, result) == 1
    assert "not compared" in capsys.readouterr().out
