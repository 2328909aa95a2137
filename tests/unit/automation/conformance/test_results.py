"""Tests of the results: ginkgo's report, the file that survives an interrupt, and `--resume`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from automation.conformance.results import FILE, Result, ResultFile, Run, State, parse_ginkgo_report
from automation.errors import UserError

REPORT = (Path(__file__).parent / "ginkgo.json").read_text()
RUN = Run("dev", "1.36.3", "conformance", "", "", 4, "2026-11-21T11:00:00+00:00")
PASSED = "[sig-node] PodTemplates should run the lifecycle of PodTemplates [Conformance]"
FAILED = "[sig-architecture] Conformance Tests should have at least two untainted nodes [Conformance]"
INTERRUPTED = (
    "[sig-auth] ServiceAccounts ServiceAccountIssuerDiscovery should support OIDC discovery of service "
    "account issuer [Conformance]"
)


def results_of(*specs: str) -> dict[str, Result]:
    return {result.spec: result for result in parse_ginkgo_report(REPORT, specs)}


def test_recorded_report_has_states_durations_and_reasons() -> None:
    results = results_of(PASSED, FAILED, INTERRUPTED)
    assert set(results) == {PASSED, FAILED, INTERRUPTED}
    assert results[PASSED].state is State.PASSED
    assert results[PASSED].seconds > 0
    failed = results[FAILED]
    assert (failed.state, failed.reason) == (State.FAILED, "Conformance requires at least two nodes")
    assert failed.location == "architecture/conformance.go:45"
    assert results[INTERRUPTED].state is State.NOT_RUN


def test_specs_that_were_not_selected_have_no_result() -> None:
    assert set(results_of(PASSED)) == {PASSED}


def spec_report(state: str, message: str = "", node: str = "It") -> str:
    report = {
        "ContainerHierarchyTexts": ["[sig-a] c"] if node == "It" else None,
        "LeafNodeType": node,
        "LeafNodeText": "x" if node == "It" else "",
        "State": state,
        "RunTime": 0,
        "Failure": {"Message": message, "Location": {"FileName": "", "LineNumber": 0}},
    }
    return json.dumps([{"SpecReports": [report]}])


@pytest.mark.parametrize(
    ("state", "message", "expected"),
    [
        ("passed", "", State.PASSED),
        ("skipped", "needs two zones", State.SKIPPED),
        ("skipped", "", State.NOT_RUN),
        ("pending", "", State.SKIPPED),
        ("panicked", "nil", State.FAILED),
        ("timedout", "late", State.FAILED),
        ("aborted", "", State.NOT_RUN),
    ],
)
def test_states_of_ginkgo(state: str, message: str, expected: State) -> None:
    (result,) = parse_ginkgo_report(spec_report(state, message), ["[sig-a] c x"])
    assert result.state is expected


def test_failure_outside_specs_is_a_result() -> None:
    (result,) = parse_ginkgo_report(spec_report("failed", "no nodes", "SynchronizedBeforeSuite"), [])
    assert (result.spec, result.reason) == ("[SynchronizedBeforeSuite]", "no nodes")


def test_results_survive_without_a_clean_end(tmp_path: Path) -> None:
    ResultFile.create(tmp_path, RUN).add([Result("a", State.PASSED, 1.5)])
    file = ResultFile.resume(tmp_path, RUN)
    assert file.latest() == {"a": Result("a", State.PASSED, 1.5, attempt=1)}
    assert file.attempt == 2


def test_resume_continues_with_specs_that_have_not_passed(tmp_path: Path) -> None:
    file = ResultFile.create(tmp_path, RUN)
    file.add([Result("a", State.PASSED), Result("b", State.FAILED), Result("c", State.SKIPPED)])
    file.add([Result("e", State.NOT_RUN)])
    assert ResultFile.resume(tmp_path, RUN).unfinished(["a", "b", "c", "d", "e"]) == ("b", "d", "e")


def test_later_result_of_an_attempt_replaces_the_earlier_one(tmp_path: Path) -> None:
    file = ResultFile.create(tmp_path, RUN)
    file.add([Result("a", State.FAILED)])
    file.add([Result("a", State.FAILED, reason="why")])
    assert file.latest()["a"].reason == "why"
    assert file.failures_before_success() == {}


def test_failure_before_a_success_is_kept(tmp_path: Path) -> None:
    file = ResultFile.create(tmp_path, RUN)
    file.add([Result("a", State.FAILED, reason="flake"), Result("b", State.FAILED)])
    resumed = ResultFile.resume(tmp_path, RUN)
    resumed.add([Result("a", State.PASSED)])
    assert {spec: result.reason for spec, result in resumed.failures_before_success().items()} == {
        "a": "flake"
    }


def test_resume_without_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--resume: no run to continue in .*; run without --resume"):
        ResultFile.resume(tmp_path, RUN)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (replace(RUN, kubernetes="1.35.6"), r"has kubernetes 1\.36\.3, not 1\.35\.6"),
        (replace(RUN, suite="node"), "has suite conformance, not node"),
        (replace(RUN, skip="x"), "has skip none, not x"),
    ],
)
def test_resume_of_another_run_is_an_error(changed: Run, message: str, tmp_path: Path) -> None:
    ResultFile.create(tmp_path, RUN)
    with pytest.raises(UserError, match=message):
        ResultFile.resume(tmp_path, changed)


def test_resume_may_change_the_number_of_processes(tmp_path: Path) -> None:
    ResultFile.create(tmp_path, RUN)
    assert ResultFile.resume(tmp_path, replace(RUN, parallel=1)).attempt == 1


@pytest.mark.parametrize("text", ["", "{}\n", "{", json.dumps({"stack": "dev"}) + "\n"])
def test_damaged_results_are_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UserError, match=r"--resume: .*cannot be read"):
        ResultFile.resume(tmp_path, RUN)


def test_new_run_replaces_earlier_results(tmp_path: Path) -> None:
    ResultFile.create(tmp_path, RUN).add([Result("a", State.PASSED)])
    ResultFile.create(tmp_path, RUN)
    assert ResultFile.resume(tmp_path, RUN).latest() == {}
