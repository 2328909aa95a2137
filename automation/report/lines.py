"""Finds the lines that differ between the old and the new inputs of a resource.

Changed data (statements for the host program, files) comes before changed scripts.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from automation.report.model import Line, Property
from automation.stacks.events import Step, Values
from nodeconfig.parse import path_at_line
from redaction import MASK

_CONTEXT = 2
"""Unchanged lines shown before and after changed lines."""
_STATEMENT = re.compile(
    r"(?:version|trust|module|artifact|directory|identity|secret|service|required_by|restart_after"
    r"|drain|node|label|taint|requires) \S"
)
"""Matches a line of delivered text that is data: a statement for the host program, or a node, label or
taint.
"""
_FILE_BEGIN = re.compile(r"file \d{4} \S+ (?P<path>\S+) <<'EOF_*'\Z")
_FILE_END = re.compile(r"EOF_*\Z")
_EXECUTABLE = "file 07"
"""The beginning of the statement for an executable file (`nodeconfig.render`)."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """A group of changed lines with unchanged lines around them.

    `path` is the file on the host, empty for lines outside of files.
    """

    path: str
    lines: tuple[Line, ...]
    is_script: bool = False

    @property
    def is_data(self) -> bool:
        """Check whether every changed line is a statement outside of a file."""
        changed = (line.text for line in self.lines if line.mark != " ")
        return not self.path and all(map(_STATEMENT.match, changed))

    def without_script(self) -> Hunk:
        """Return a data hunk without the surrounding script lines. Return other hunks unchanged."""
        if not self.is_data:
            return self
        lines = (line for line in self.lines if line.mark != " " or _STATEMENT.match(line.text))
        return Hunk(self.path, tuple(lines))


def changed_properties(step: Step) -> tuple[Property, ...]:
    """Return the changed inputs of a step with their changed lines.

    A created or deleted resource has no changed inputs.
    """
    if not step.old or not step.new:
        return ()
    reported = {path.split(".")[0].split("[")[0] for path in step.paths}
    return tuple(_changed_properties(step.old, step.new, reported))


def _changed_properties(old: Values, new: Values, reported: set[str]) -> Iterator[Property]:
    """Yield the inputs that differ between `old` and `new`, with their changed lines.

    `reported` are the names of the inputs that differ according to the engine. They are needed for secrets,
    whose values only the engine can compare.
    """
    for key in [*old, *(key for key in new if key not in old)]:
        before, after = old.get(key), new.get(key)
        if MASK in (before, after) and before != after:
            yield Property(key, secret=True)
        elif before != after:
            hunks = diff_hunks(_value_lines(before), _value_lines(after))
            yield Property(key, tuple(_hunk_lines(_sort_hunks(hunks))))
        elif key in reported and _has_secret(after):
            yield Property(key, secret=True)


def _sort_hunks(hunks: Iterator[Hunk]) -> list[Hunk]:
    """Return the hunks sorted: statements for the host program first, then data files, then scripts."""
    return sorted(
        (hunk.without_script() for hunk in hunks), key=lambda hunk: (hunk.is_script, not hunk.is_data)
    )


def _hunk_lines(hunks: Sequence[Hunk]) -> Iterator[Line]:
    """Yield the lines of all hunks. A line with the mark `@` and the file name comes before each hunk."""
    for hunk in hunks:
        yield Line("@", hunk.path)
        yield from hunk.lines


def diff_hunks(old: Sequence[str], new: Sequence[str]) -> Iterator[Hunk]:
    """Yield the hunks of a diff between two texts (lists of lines), in the order of the text."""
    # The common beginning and end need no comparison. For most changes they are nearly the whole text.
    head = max(0, _common_prefix_length(old, new) - _CONTEXT)
    rest = min(len(old), len(new)) - head
    tail = max(0, min(rest, _common_prefix_length(old[::-1], new[::-1])) - _CONTEXT)
    a, b = old[head : len(old) - tail], new[head : len(new) - tail]
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        path = path_at_line(new, head + group[0][3]) or path_at_line(old, head + group[0][1])
        lines: list[Line] = []
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                lines += (Line(" ", text) for text in b[new_from:new_to])
                continue
            lines += (Line("-", text) for text in a[old_from:old_to])
            lines += (Line("+", text) for text in b[new_from:new_to])
        for section_path, section in _split_at_files(path, lines):
            yield Hunk(section_path, tuple(section), _is_executable(section_path, (*new, *old)))


def _split_at_files(path: str, lines: Sequence[Line]) -> Iterator[tuple[str, list[Line]]]:
    """Yield the lines of each file and the statements between files. Omit unchanged sections.

    `path` is the file that the first line belongs to, empty for no file.
    """
    sections: list[tuple[str, list[Line]]] = [(path, [])]
    for line in lines:
        begin = _FILE_BEGIN.match(line.text) if line.mark == " " else None
        if begin:
            sections.append((begin["path"], []))
        elif line.mark == " " and sections[-1][0] and _FILE_END.match(line.text):
            sections.append(("", []))
        else:
            sections[-1][1].append(line)
    yield from ((path, section) for path, section in sections if any(line.mark != " " for line in section))


def _is_executable(path: str, text: Sequence[str]) -> bool:
    """Check whether the delivered text declares this file as executable."""
    return bool(path) and any(line.startswith(_EXECUTABLE) and f" {path} <<" in line for line in text)


def _common_prefix_length(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the number of lines at the start that are equal in both texts."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))


def _value_lines(value: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """Return the lines of a text, or of any other value formatted as YAML."""
    if value is None:
        return []
    if isinstance(value, str):
        return value.splitlines()
    text: str = yaml.safe_dump(value, sort_keys=True, default_flow_style=False, allow_unicode=True)
    return text.removesuffix("...\n").splitlines()


def _has_secret(value: Any) -> bool:  # noqa: ANN401 - any JSON
    if isinstance(value, Mapping):
        return any(map(_has_secret, value.values()))
    return any(map(_has_secret, value)) if isinstance(value, list) else value == MASK
