"""The report of a run: a page in Markdown, and JUnit."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from artifacts.progress import format_duration
from automation.conformance.results import Result, ResultFile, Run, State
from automation.errors import UserError
from automation.report.sanitize import escape_invisible

PAGE = "report.md"
JUNIT = "junit.xml"
_MAX_REASON_LINES = 40
_LONGEST = 10
_SIG = re.compile(r"^\[(sig-[a-z-]+)\]")
_NOT_XML = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
"""Characters that XML 1.0 does not allow."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that the report shows.

    `left_out` maps specs that did not run to the reason. `flaky` has the failures of specs that passed in a
    later attempt. `missing_images` and `unchecked_images` are names of images. `seconds` is the duration of
    this run.
    """

    run: Run
    specs: tuple[str, ...]
    results: Mapping[str, Result]
    left_out: Mapping[str, str] = field(default_factory=dict)
    flaky: Mapping[str, Result] = field(default_factory=dict)
    missing_images: Sequence[str] = ()
    unchecked_images: Sequence[str] = ()
    seconds: float = 0.0

    @classmethod
    def of(
        cls,
        file: ResultFile,
        specs: tuple[str, ...],
        left_out: Mapping[str, str],
        *,
        missing_images: Sequence[str] = (),
        unchecked_images: Sequence[str] = (),
        seconds: float = 0.0,
    ) -> Outcome:
        """Return the outcome of the attempts in a file."""
        return cls(
            file.run,
            specs,
            file.latest(),
            left_out,
            file.failures_before_success(),
            missing_images,
            unchecked_images,
            seconds,
        )

    def state(self, spec: str) -> State:
        """Return the state of a spec."""
        result = self.results.get(spec)
        return result.state if result else State.NOT_RUN

    def with_state(self, state: State) -> list[str]:
        """Return the specs with a state, in the order of the run."""
        return [spec for spec in self.specs if self.state(spec) is state]

    @property
    def outside_specs(self) -> list[Result]:
        """Return failures outside specs, such as in the preparation of the suite."""
        known = set(self.specs)
        return [
            result
            for spec, result in self.results.items()
            if spec not in known and result.state is State.FAILED
        ]

    @property
    def succeeded(self) -> bool:
        """Whether no spec failed and every selected spec ran."""
        bad = self.with_state(State.FAILED) or self.with_state(State.NOT_RUN) or self.outside_specs
        return not bad

    @property
    def summary(self) -> str:
        """Return the counts as one line."""
        counts = ", ".join(f"{len(self.with_state(state))} {state}" for state in State)
        return f"{counts}, {len(self.left_out)} left out, of {len(self.specs) + len(self.left_out)} specs"


def write(directory: Path, outcome: Outcome) -> None:
    """Write the page and the JUnit file to a directory. Raise UserError if they cannot be written."""
    try:
        (directory / PAGE).write_text(markdown(outcome))
        (directory / JUNIT).write_bytes(junit(outcome))
    except OSError as error:
        raise UserError(f"--report: {directory}: cannot be written: {error.strerror}") from None


def markdown(outcome: Outcome) -> str:
    """Return the page."""
    return "\n".join([*_summary(outcome), *_failures(outcome), *_omissions(outcome), *_times(outcome)]) + "\n"


def _summary(outcome: Outcome) -> Iterator[str]:
    run = outcome.run
    verdict = "passed" if outcome.succeeded else "not passed"
    yield f"# Conformance of stack {escape_invisible(run.stack)}: {verdict}"
    yield ""
    options = [f"--focus {_cell(run.focus)}"] if run.focus else []
    options += [f"--skip {_cell(run.skip)}"] if run.skip else []
    rows = {
        "Kubernetes": run.kubernetes,
        "suite": " ".join([run.suite or "all specs", *options]),
        "started": run.started,
        "parallel processes": str(run.parallel),
        "duration of the last attempt": format_duration(outcome.seconds),
        **{str(state): str(len(outcome.with_state(state))) for state in State},
        "left out": str(len(outcome.left_out)),
    }
    yield from ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items()), ""]


def _failures(outcome: Outcome) -> Iterator[str]:
    failed = [outcome.results[spec] for spec in outcome.with_state(State.FAILED)]
    for title, results in (
        ("Failed", [*outcome.outside_specs, *failed]),
        ("Failed before they passed", list(outcome.flaky.values())),
    ):
        if not results:
            continue
        yield from (f"## {title}", "")
        for result in results:
            yield from (f"### {_safe(result.spec)}", "")
            place = f" at `{result.location}`" if result.location else ""
            yield from (f"Attempt {result.attempt}, after {format_duration(result.seconds)}{place}:", "")
            yield from ("~~~text", *_reason_lines(result.reason), "~~~", "")


def _omissions(outcome: Outcome) -> Iterator[str]:
    reasons = {spec: outcome.results[spec].reason or "pending" for spec in outcome.with_state(State.SKIPPED)}
    sections: list[tuple[str, Mapping[str, str]]] = [
        ("Skipped: the spec decided that this cluster cannot run it", reasons),
        ("Left out", outcome.left_out),
        ("Not run", dict.fromkeys(outcome.with_state(State.NOT_RUN), "the run ended before")),
    ]
    for title, specs in sections:
        if specs:
            yield from (f"## {title}", "", "| spec | reason |", "|---|---|")
            yield from (f"| {_cell(spec)} | {_cell(reason)} |" for spec, reason in specs.items())
            yield ""
    for title, images in (
        ("Missing images", outcome.missing_images),
        ("Images that were not checked, because their registry has no mirror", outcome.unchecked_images),
    ):
        if images:
            yield from (f"## {title}", "", *(f"- `{name}`" for name in images), "")


def _times(outcome: Outcome) -> Iterator[str]:
    known = [outcome.results[spec] for spec in outcome.specs if spec in outcome.results]
    longest = sorted(known, key=lambda result: result.seconds, reverse=True)[:_LONGEST]
    if longest:
        yield from ("## Longest specs", "", "| duration | spec |", "|---|---|")
        yield from (f"| {format_duration(item.seconds)} | {_cell(item.spec)} |" for item in longest)


def junit(outcome: Outcome) -> bytes:
    """Return the results as JUnit XML."""
    counts = {
        "tests": len(outcome.specs) + len(outcome.left_out) + len(outcome.outside_specs),
        "failures": len(outcome.with_state(State.FAILED)) + len(outcome.outside_specs),
        "skipped": len(outcome.specs)
        + len(outcome.left_out)
        - len(outcome.with_state(State.PASSED))
        - len(outcome.with_state(State.FAILED)),
    }
    suite = ET.Element(
        "testsuite",
        {
            "name": f"Kubernetes {outcome.run.kubernetes} {outcome.run.suite}".strip(),
            "timestamp": outcome.run.started,
            "time": f"{outcome.seconds:.1f}",
            **{name: str(count) for name, count in counts.items()},
        },
    )
    for result in outcome.outside_specs:
        _test_case(suite, result.spec, result, "")
    for spec in outcome.specs:
        _test_case(suite, spec, outcome.results.get(spec), "the run ended before")
    for spec, reason in outcome.left_out.items():
        _test_case(suite, spec, None, reason)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode").encode()


def _test_case(suite: ET.Element, spec: str, result: Result | None, reason: str) -> None:
    seconds = result.seconds if result else 0.0
    sig = _SIG.match(spec)
    values = {"name": _xml(spec), "classname": sig[1] if sig else "suite", "time": f"{seconds:.1f}"}
    case = ET.SubElement(suite, "testcase", values)
    if result is not None and result.state is State.FAILED:
        message = _xml(result.reason)
        failure = ET.SubElement(case, "failure", {"message": message.partition("\n")[0]})
        failure.text = f"{message}\n{result.location}".strip()
    elif result is None or result.state is not State.PASSED:
        message = reason if result is None or not result.reason else result.reason
        ET.SubElement(case, "skipped", {"message": _xml(message)})


def _reason_lines(reason: str) -> list[str]:
    lines = [escape_invisible(line).replace("~~~", "~ ~ ~") for line in reason.splitlines()]
    if len(lines) > _MAX_REASON_LINES:
        lines = [*lines[:_MAX_REASON_LINES], f"… and {len(lines) - _MAX_REASON_LINES} more lines"]
    return lines or ["no reason was reported"]


def _safe(text: str) -> str:
    """Return text for one line of Markdown, without markup."""
    return re.sub(r"([\\`*_<>#])", r"\\\1", escape_invisible(" ".join(text.split())))


def _cell(text: str) -> str:
    return _safe(text).replace("|", "\\|")


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
