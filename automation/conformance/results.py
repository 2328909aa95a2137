"""The results of specs, in a file that survives an interrupted run.

The file `results.jsonl` begins with a line about the run. Each further line is the result of one spec in one
attempt. An attempt is one start of ginkgo: the first run, or a run with `--resume`. A later line replaces an
earlier line of the same spec and attempt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from automation.errors import UserError

FILE = "results.jsonl"
_INTERRUPTED = {"interrupted", "aborted"}


class State(StrEnum):
    """The state of a spec after a run."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """The spec decided at run time that the cluster cannot run it."""
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a spec in one attempt. `seconds` is 0 if the duration is unknown."""

    spec: str
    state: State
    seconds: float = 0.0
    reason: str = ""
    location: str = ""
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Run:
    """Facts about a run. `started` is a time in ISO 8601; `parallel` is the number of processes."""

    stack: str
    kubernetes: str
    suite: str
    focus: str
    skip: str
    parallel: int
    started: str


@dataclass(slots=True)
class ResultFile:
    """The results of a run in the directory of its report."""

    path: Path
    run: Run
    attempt: int
    results: list[Result]

    @classmethod
    def create(cls, directory: Path, run: Run) -> Self:
        """Begin a new run and remove the results of an earlier run."""
        path = directory / FILE
        path.write_text(json.dumps(asdict(run)) + "\n")
        return cls(path, run, 1, [])

    @classmethod
    def resume(cls, directory: Path, run: Run) -> Self:
        """Read the results of an earlier run, and begin the next attempt.

        Raise UserError if there are no results, or if they belong to another stack, version or selection.
        """
        path = directory / FILE
        try:
            header, *lines = path.read_text().splitlines()
            earlier = Run(**json.loads(header))
            results = [_result_from_line(line) for line in lines if line.strip()]
        except FileNotFoundError:
            raise UserError(f"--resume: no run to continue in {directory}; run without --resume") from None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UserError(f"--resume: {path} cannot be read ({error}); run without --resume") from None
        for name in ("stack", "kubernetes", "suite", "focus", "skip"):
            before, now = getattr(earlier, name), getattr(run, name)
            if before != now:
                raise UserError(
                    f"--resume: the run in {directory} has {name} {before or 'none'}, not {now or 'none'}; "
                    "use the same options, or run without --resume"
                )
        attempt = 1 + max((result.attempt for result in results), default=0)
        return cls(path, earlier, attempt, results)

    def add(self, results: Iterable[Result]) -> None:
        """Append results of the current attempt to the file."""
        new = [replace(result, attempt=self.attempt) for result in results]
        with self.path.open("a") as file:
            file.writelines(json.dumps(asdict(result)) + "\n" for result in new)
        self.results += new

    def latest(self) -> dict[str, Result]:
        """Return the result of the last attempt of each spec, by spec."""
        return {result.spec: result for result in self.results}

    def failures_before_success(self) -> dict[str, Result]:
        """Return the failed results of specs that passed in a later attempt, by spec."""
        passed = {spec for spec, result in self.latest().items() if result.state is State.PASSED}
        attempts = {(result.spec, result.attempt): result for result in self.results}
        return {
            result.spec: result
            for result in attempts.values()
            if result.spec in passed and result.state is State.FAILED
        }

    def unfinished(self, specs: Iterable[str]) -> tuple[str, ...]:
        """Return the specs that neither passed nor skipped themselves, in their order."""
        done = {
            spec for spec, result in self.latest().items() if result.state in (State.PASSED, State.SKIPPED)
        }
        return tuple(spec for spec in specs if spec not in done)


def parse_ginkgo_report(text: str, specs: Iterable[str]) -> Iterator[Result]:
    """Yield the results of the selected specs from ginkgo's JSON report.

    A failure outside specs, such as in the preparation of the suite, is yielded with the name of its node.
    Raise ValueError, KeyError or TypeError for text that is not such a report.
    """
    selected = set(specs)
    for suite in json.loads(text):
        for report in suite.get("SpecReports") or ():
            name = _name(report)
            if report["LeafNodeType"] == "It":
                if name in selected:
                    yield _result(report, name)
            elif report["State"] not in ("passed", "skipped", "interrupted", "aborted", "invalid"):
                yield _result(report, f"[{report['LeafNodeType']}] {name}".strip())


def _name(report: Mapping[str, Any]) -> str:
    """Return the full name of a spec as `e2e.test --list-tests` prints it."""
    texts = [*(report.get("ContainerHierarchyTexts") or ()), report.get("LeafNodeText") or ""]
    return " ".join(text for text in texts if text)


def _result(report: Mapping[str, Any], name: str) -> Result:
    failure = report.get("Failure") or {}
    location = failure.get("Location") or {}
    message = failure.get("Message", "") or failure.get("ForwardedPanic", "")
    if failure.get("ForwardedPanic") and failure["ForwardedPanic"] not in message:
        message = f"{message}: {failure['ForwardedPanic']}"
    file_name = str(location.get("FileName", "")).rpartition("/test/e2e/")[2]
    return Result(
        spec=name,
        state=_state(report),
        seconds=round(report.get("RunTime", 0) / 1e9, 1),
        reason=message.strip(),
        location=f"{file_name}:{location['LineNumber']}" if file_name else "",
    )


def _state(report: Mapping[str, Any]) -> State:
    state = report["State"]
    if state == "passed":
        return State.PASSED
    if state in _INTERRUPTED:
        return State.NOT_RUN
    if state in ("skipped", "pending"):
        # ginkgo also calls a spec skipped if an interrupt came before its start; then it has no message.
        has_reason = (report.get("Failure") or {}).get("Message")
        return State.SKIPPED if has_reason or state == "pending" else State.NOT_RUN
    return State.FAILED


def _result_from_line(line: str) -> Result:
    values = json.loads(line)
    return Result(**{**values, "state": State(values["state"])})
