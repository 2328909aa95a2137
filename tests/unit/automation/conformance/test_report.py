"""Tests of the report: the page and JUnit."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from automation.conformance import report
from automation.conformance.report import Outcome
from automation.conformance.results import Result, ResultFile, Run, State
from automation.errors import UserError

RUN = Run("dev", "1.36.3", "conformance", "", "a|b", 4, "2026-11-21T11:00:00+00:00")
GOOD, BAD, ODD, LOST, PRIVATE = (
    f"[sig-apps] {name}" for name in ("good", "bad | x", "odd", "lost", "private")
)


@pytest.fixture
def outcome(tmp_path: Path) -> Outcome:
    file = ResultFile.create(tmp_path, RUN)
    file.add(
        [Result(GOOD, State.FAILED, 3.0, "flake ~~~"), Result(ODD, State.SKIPPED, 0.1, "needs two zones")]
    )
    file = ResultFile.resume(tmp_path, RUN)
    file.add([Result(GOOD, State.PASSED, 65.0)])
    file.add([Result(BAD, State.FAILED, 2.0, "wrong\x1b answer\nsecond line", "apps/a.go:5")])
    left_out = {PRIVATE: "image r/x:1 is missing"}
    return Outcome.of(file, (GOOD, BAD, ODD, LOST), left_out, missing_images=["r/x:1"], seconds=70.0)


def test_summary_counts_every_selected_spec(outcome: Outcome) -> None:
    assert outcome.summary == "1 passed, 1 failed, 1 skipped, 1 not run, 1 left out, of 5 specs"


def test_page_has_version_date_counts_and_verdict(outcome: Outcome) -> None:
    page = report.markdown(outcome)
    assert page.startswith("# Conformance of stack dev: not passed\n")
    for row in ("| Kubernetes | 1.36.3 |", "| started | 2026-11-21T11:00:00+00:00 |", "| passed | 1 |"):
        assert row in page
    assert "| suite | conformance --skip a\\|b |" in page


def test_page_has_reasons_of_failures_and_omissions(outcome: Outcome) -> None:
    page = report.markdown(outcome)
    assert "Attempt 2, after 2 s at `apps/a.go:5`:" in page
    assert "wrong\\u001b answer\nsecond line" in page
    assert "| [sig-apps] odd | needs two zones |" in page
    assert "| [sig-apps] private | image r/x:1 is missing |" in page
    assert "| [sig-apps] lost | the run ended before |" in page
    assert "- `r/x:1`" in page
    assert "### [sig-apps] bad | x" in page


def test_page_shows_failures_before_a_success(outcome: Outcome) -> None:
    section = report.markdown(outcome).partition("## Failed before they passed")[2]
    assert "### [sig-apps] good" in section
    assert "flake ~ ~ ~" in section


def test_longest_specs_come_first(outcome: Outcome) -> None:
    times = report.markdown(outcome).partition("## Longest specs")[2]
    assert times.index("good") < times.index("bad")
    assert "| 1 min | [sig-apps] good |" in times


def test_junit_has_a_case_for_each_spec(outcome: Outcome) -> None:
    suite = ET.fromstring(report.junit(outcome))
    assert [suite.get(name) for name in ("tests", "failures", "skipped")] == ["5", "1", "3"]
    cases = {case.get("name"): case for case in suite}
    assert set(cases) == {GOOD, BAD, ODD, LOST, PRIVATE}
    failure = cases[BAD].find("failure")
    assert failure is not None
    assert failure.get("message") == "wrong\ufffd answer"
    assert failure.text == "wrong\ufffd answer\nsecond line\napps/a.go:5"
    assert cases[GOOD].get("time") == "65.0"
    assert list(cases[GOOD]) == []
    skipped = {name: case.find("skipped") for name, case in cases.items()}
    reasons = {name: element.get("message") for name, element in skipped.items() if element is not None}
    assert reasons == {
        ODD: "needs two zones", LOST: "the run ended before", PRIVATE: "image r/x:1 is missing"
    }  # fmt: skip


def outcome_of(*results: Result, left_out: dict[str, str] | None = None) -> Outcome:
    return Outcome(RUN, (GOOD,), {result.spec: result for result in results}, left_out or {})


@pytest.mark.parametrize(
    ("outcome", "succeeded"),
    [
        (outcome_of(Result(GOOD, State.PASSED)), True),
        (outcome_of(Result(GOOD, State.SKIPPED)), True),
        (outcome_of(Result(GOOD, State.PASSED), left_out={BAD: "--skip x"}), True),
        (outcome_of(Result(GOOD, State.FAILED)), False),
        (outcome_of(Result(GOOD, State.NOT_RUN)), False),
        (outcome_of(), False),
        (outcome_of(Result(GOOD, State.PASSED), Result("[SynchronizedBeforeSuite]", State.FAILED)), False),
    ],
)
def test_only_a_complete_run_without_failures_succeeds(outcome: Outcome, succeeded: bool) -> None:
    assert outcome.succeeded is succeeded


def test_failure_outside_specs_is_in_both_reports() -> None:
    outcome = outcome_of(Result("[SynchronizedBeforeSuite]", State.FAILED, reason="no nodes"))
    assert "### [SynchronizedBeforeSuite]" in report.markdown(outcome)
    assert ET.fromstring(report.junit(outcome)).get("failures") == "1"


def test_long_reason_is_shortened() -> None:
    outcome = outcome_of(Result(GOOD, State.FAILED, reason="\n".join("line" for _ in range(100))))
    assert "… and 60 more lines" in report.markdown(outcome)


def test_directory_that_cannot_be_written_is_named(outcome: Outcome) -> None:
    with pytest.raises(UserError, match="--report: /proc/no: cannot be written"):
        report.write(Path("/proc/no"), outcome)
