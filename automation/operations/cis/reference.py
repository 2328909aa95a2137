"""Generator of docs/cis.md and of the configuration of kube-bench, from the table of checks.

`python -m automation.operations.cis.reference` writes both files.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

from automation.operations.cis import kube_bench
from automation.operations.cis.table import BENCHMARK, DEFAULT_WARNINGS, Check, Condition, checks, sections

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "cis.md"
_WIDTH = 118
_INTRODUCTION = Path(__file__).parent / "introduction.md"


def document() -> str:
    """Return the text of docs/cis.md."""
    names = ", ".join(check.id for check in checks() if check.id in DEFAULT_WARNINGS)
    warnings = f"On a new cluster with default settings no check fails, and these are warnings: {names}."
    introduction = _INTRODUCTION.read_text().format(
        benchmark=BENCHMARK,
        warnings=textwrap.fill(warnings, _WIDTH),
        command=kube_bench.COMMAND,
        names=" and ".join(f"`{name}`" for name in kube_bench.BENCHMARKS),
    )
    return "\n".join((introduction, *map("".join, _section_texts())))


def write() -> None:
    """Write both files."""
    DOCUMENT.write_text(document())
    kube_bench.FILE.write_text(kube_bench.text())


def _section_texts() -> Iterator[tuple[str, ...]]:
    for section in sections():
        entries = [textwrap.fill(_entry(check), _WIDTH, subsequent_indent="  ") for check in section.checks]
        yield (f"## {section.section} {section.title}\n\n", "\n".join(entries), "\n")


def _entry(check: Check) -> str:
    """Return the item of a check: its id and title, what is looked at, and the reason of a warning."""
    text = f"- **{check.id}** {check.title}."
    if looked_at := "; ".join(_conditions(check)):
        text += f" {looked_at}."
    if check.manual:
        text += f" WARN: {check.manual}."
    elif check.warn:
        text += f" Otherwise WARN: {check.warn}."
    return text


def _conditions(check: Check) -> Iterator[str]:
    """Yield what is looked at and how it is judged, as texts without a full stop."""
    if check.files:
        paths = " and ".join(f"`{path}`" for path in check.files)
        yield f"{paths}: {f'mode {check.mode} or stricter' if check.mode else f'owner {check.owner}'}"
    for name, condition in check.flags.items():
        yield f"`{check.process} --{name}` {_condition_text(condition)}"
    for name, condition in check.keys.items():
        yield f"`{name}` in `{check.file}` {_condition_text(condition)}"
    if check.looks_at:
        yield _sentence(check.looks_at)
    if check.judge == "pod_security":
        yield f"Pod Security enforces `{check.argument}` in every namespace; a weaker level is a WARN"
    if check.judge == "permission":
        permissions = (f"{' or '.join(item['verbs'])} `{item['resource']}`" for item in check.argument)
        yield f"No binding permits all users to {'; '.join(permissions)}. Other own bindings are a WARN"


def _sentence(text: str) -> str:
    return text if text.startswith("`") else text[0].upper() + text[1:]


def _condition_text(condition: Condition) -> str:
    texts = {
        "is not set": condition.absent,
        "is set": condition.set,
        f"is `{condition.is_}`": condition.is_ is not None,
        f"is not {' or '.join(f'`{value}`' for value in condition.not_)}": condition.not_,
        f"has `{condition.has}`": condition.has,
        f"does not have `{condition.lacks}`": condition.lacks,
        f"is at least {condition.min}": condition.min is not None,
        f"starts with `{condition.starts}`": condition.starts,
        "has only strong cipher suites": condition.only,
    }
    text = " and ".join(text for text, applies in texts.items() if applies)
    return f"{text}, or is not set" if condition.or_absent else text


if __name__ == "__main__":
    write()
