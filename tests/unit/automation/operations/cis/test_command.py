"""Tests of the exit code and the output of the command `cis`."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from automation.errors import UserError
from automation.operations import cluster_facts
from automation.operations.cis import command, facts
from automation.operations.cis.cluster_objects import QUERIES
from automation.operations.cis.facts import CisFacts, collection_script
from automation.operations.cluster_facts import ApiUnavailable
from automation.operations.remote import ScriptResult
from automation.operations.target import Target
from tests.unit.automation.operations.cis.conftest import API, with_flag
from topology.model import Role, Topology


class Hosts:
    """Hosts of which each answers its name as output, except for the hosts with a result."""

    def __init__(self, names: tuple[str, ...], results: tuple[ScriptResult, ...]) -> None:
        self.results = {name: ScriptResult(name, 0, name, "") for name in names}
        self.results |= {result.host: result for result in results}

    def run_on_all(self, hosts: tuple[str, ...], script: str, **_: object) -> dict[str, ScriptResult]:
        assert script == collection_script()
        return {host: self.results[host] for host in hosts}


@pytest.fixture
def compliant(hosts: dict[str, CisFacts]) -> dict[str, CisFacts]:
    """Return the facts of hosts on which every check passes or warns."""
    plugins = hosts["cp-1"].flags[API]["enable-admission-plugins"]
    changed = with_flag(
        hosts["cp-1"],
        API,
        enable_admission_plugins=f"{plugins},DenyServiceExternalIPs",
        service_account_extend_token_expiration="false",
    )
    return {**hosts, "cp-1": changed}


@pytest.fixture
def target(topology: Topology) -> Any:  # noqa: ANN401
    names = tuple(machine.name for machine in topology.machines)
    planes = tuple(machine.name for machine in topology.machines if Role.CONTROL_PLANE in machine.roles)
    return SimpleNamespace(
        stack="prod", topology=topology, hosts=names, with_role=lambda _: planes, remote=Hosts(names, ())
    )


@pytest.fixture(autouse=True)
def cluster_without_objects(monkeypatch: pytest.MonkeyPatch, compliant: dict[str, CisFacts]) -> None:
    """Let hosts report facts by their names, and the API no objects."""

    def parse(output: str) -> CisFacts:
        if output not in compliant:
            raise ValueError("the output of the host is incomplete")
        return compliant[output]

    monkeypatch.setattr(facts, "parse", parse)
    monkeypatch.setattr(cluster_facts, "run_queries", lambda *_, **__: [{"items": []}] * len(QUERIES))


def run_json(target: Any, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:  # noqa: ANN401
    code = command.cis(cast(Target, target), None, as_json=True)
    return code, json.loads(capsys.readouterr().out)


def test_warnings_are_no_failure(target: Any, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ANN401
    code, document = run_json(target, capsys)
    assert code == 0, [row for row in document["results"] if row["result"] == "FAIL"]
    assert document["summary"]["WARN"] > 0
    assert document["errors"] == []


def test_one_failed_check_is_a_failure(
    target: Any,  # noqa: ANN401
    compliant: dict[str, CisFacts],
    capsys: pytest.CaptureFixture[str],
) -> None:
    compliant["w-2"] = CisFacts(files=compliant["w-2"].files)
    code, document = run_json(target, capsys)
    assert code == 1
    assert {row["host"] for row in document["results"] if row["result"] == "FAIL"} == {"w-2"}


@pytest.mark.parametrize(
    "result",
    [
        ScriptResult("w-1", 255, "", "connection refused", reached=False),
        ScriptResult("w-1", 0, "@name w-1\n", ""),
    ],
    ids=["unreachable", "incomplete"],
)
def test_host_without_facts_is_an_error_and_no_pass(
    result: ScriptResult,
    target: Any,  # noqa: ANN401
    capsys: pytest.CaptureFixture[str],
) -> None:
    target.remote = Hosts(target.hosts, (result,))
    code, document = run_json(target, capsys)
    assert code == 1
    assert document["summary"]["FAIL"] == 0
    assert "w-1" not in {row["host"] for row in document["results"]}
    (error,) = document["errors"]
    assert error["host"] == "w-1"
    assert error["reason"].endswith(
        "check that the host runs and that SSH reaches it, then run the command again"
    )


def test_unavailable_api_is_an_error(
    target: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def unavailable(*_: object, **__: object) -> None:
        raise ApiUnavailable("cp-1: connection refused")

    monkeypatch.setattr(cluster_facts, "run_queries", unavailable)
    code, document = run_json(target, capsys)
    assert code == 1
    assert document["errors"] == [
        {
            "host": "cluster",
            "reason": "cp-1: connection refused; check the API servers with `kubewright status`, "
            "then run the command again",
        }
    ]


def test_report_has_the_tables(target: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ANN401
    report = tmp_path / "cis.txt"
    assert command.cis(cast(Target, target), report, as_json=False) == 0
    text = report.read_text()
    assert text == capsys.readouterr().out
    assert "Host cp-1" in text
    assert "Policies in the API" in text
    assert " 0 FAIL, " in text
    worker = text[text.index("Host w-1") : text.index("Host w-2")]
    assert "this host is no control plane" in worker
    assert "1.2.2" not in worker


def test_report_that_cannot_be_written_is_an_error(target: Any, tmp_path: Path) -> None:  # noqa: ANN401
    with pytest.raises(UserError, match="No such file or directory; give a path"):
        command.cis(cast(Target, target), tmp_path / "missing" / "cis.txt", as_json=True)
