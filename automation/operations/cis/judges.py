"""Judges of the checks of hosts: pure functions that compare facts with the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from automation.operations.cis.facts import CisFacts, FileFact
from automation.operations.cis.table import STRONG_CIPHERS, Check, Condition


class Outcome(StrEnum):
    """The result of a check. A warning needs the judgment of a person."""

    PASS = "PASS"
    FAIL = "FAIL"
    WARN = "WARN"
    NOT_APPLICABLE = "N/A"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a check, and the reason of an outcome other than a pass."""

    outcome: Outcome
    detail: str = ""


PASSED = Verdict(Outcome.PASS)


def fail(problems: Iterable[str]) -> Verdict:
    """Return a failure with these problems, or a pass without problems."""
    text = "; ".join(problems)
    return Verdict(Outcome.FAIL, text) if text else PASSED


def warn(problems: Iterable[str]) -> Verdict:
    """Return a warning with these problems, or a pass without problems."""
    text = "; ".join(problems)
    return Verdict(Outcome.WARN, text) if text else PASSED


def judge_values(check: Check, facts: CisFacts) -> Verdict:
    """Return the verdict on the files, flags and keys that a check names."""
    problems = [
        *_file_problems(check, facts.files),
        *_flag_problems(check, facts),
        *_key_problems(check, facts),
    ]
    if problems and check.warn:
        return Verdict(Outcome.WARN, f"{'; '.join(problems)}: {check.warn}")
    return fail(problems)


def matching_files(pattern: str, files: Sequence[FileFact]) -> list[FileFact]:
    """Return the files that match a pattern. As in sh, `*` does not match a slash."""
    return [
        file
        for file in files
        if file.path.count("/") == pattern.count("/") and fnmatchcase(file.path, pattern)
    ]


def _file_problems(check: Check, files: Sequence[FileFact]) -> list[str]:
    problems: list[str] = []
    found = [file for pattern in check.files for file in matching_files(pattern, files)]
    if check.files and not found:
        problems.append(f"{check.files[0]} does not exist")
    for file in found:
        if check.mode and file.mode & ~int(check.mode, 8):
            problems.append(f"{file.path} has mode {file.mode:o}, not {check.mode} or stricter")
        if check.owner and file.owner != check.owner:
            problems.append(f"{file.path} belongs to {file.owner}, not {check.owner}")
    return problems


def _flag_problems(check: Check, facts: CisFacts) -> list[str]:
    if not check.flags:
        return []
    flags = facts.flags.get(check.process)
    if flags is None:
        return [f"{check.process} does not run"]
    return [
        f"--{name} {problem}"
        for name, condition in check.flags.items()
        if (problem := value_problem(flags.get(name), condition))
    ]


def _key_problems(check: Check, facts: CisFacts) -> list[str]:
    if not check.keys:
        return []
    if (flags := facts.flags.get(check.process)) is None:
        return [f"{check.process} does not run"]
    configuration = facts.configurations.get(check.file)
    if not isinstance(configuration, Mapping):
        return [f"{check.file} does not exist, or is not JSON"]
    problems = []
    for key, condition in check.keys.items():
        # The flags of a kubelet have precedence over its configuration file.
        overridden = condition.flag in flags
        value = flags[condition.flag] if overridden else find_key(configuration, key)
        if problem := value_problem(value, condition):
            problems.append(f"{f'--{condition.flag}' if overridden else key} {problem}")
    return problems


def find_key(configuration: Mapping[str, Any], path: str) -> str | None:
    """Return the value at a path such as `authentication.anonymous.enabled` as text; None without a value.

    The items of a list are separated by commas.
    """
    value: Any = configuration
    for name in path.split("."):
        if not isinstance(value, Mapping) or value.get(name) is None:
            return None
        value = value[name]
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def value_problem(value: str | None, condition: Condition) -> str:
    """Return how a value differs from a condition, as the end of a sentence; empty if it does not differ."""
    if value is None:
        return "" if condition.absent or condition.or_absent else "is not set"
    if condition.absent:
        return f"is set to {value}"
    if condition.set:
        return "" if value else "is empty"
    return (
        _list_problem(value, condition)
        or _number_problem(value, condition)
        or _text_problem(value, condition)
    )


def _text_problem(value: str, condition: Condition) -> str:
    if condition.is_ is not None and value != condition.is_:
        return f"is {value}, not {condition.is_}"
    if value in condition.not_:
        return f"is {value}"
    if not value.startswith(condition.starts):
        return f"is {value}, which does not start with {condition.starts}"
    return ""


def _number_problem(value: str, condition: Condition) -> str:
    if condition.min is None:
        return ""
    number = value.removeprefix("-")
    if not number.isdigit() or int(value) < condition.min:
        return f"is {value}, not at least {condition.min}"
    return ""


def _list_problem(value: str, condition: Condition) -> str:
    items = value.split(",")
    if condition.has and condition.has not in items:
        return f"does not have {condition.has}"
    if condition.lacks and condition.lacks in items:
        return f"has {condition.lacks}"
    if condition.only and (others := sorted(set(items) - STRONG_CIPHERS)):
        return f"has {', '.join(others)}"
    return ""
