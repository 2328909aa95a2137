"""Test that private words and earlier names are not used. docs/glossary.md has the words to use."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FORBIDDEN = {
    # Metaphors and earlier names of modules, classes and functions.
    r"\b(?i:un)?veil(?:s|ed|ing)?\b": "redaction, redactor",
    r"\b(?i:farewell)s?\b": "on_delete",
    r"\b(?i:settled)\b": "tolerate_failure, or name the state",
    r"\b(?i:seats?)\b": "StableIdentity",
    r"\bStanding\b": "Placement",
    r"\bSTAYING\b": "the name of what the constant does",
    r"\b(?i:day[-_ ]two|daytwo)\b": "operations",
    r"\bdriving\b": "stacks",
    r"\boutlast\b": "survive_broken_pipe",
    r"\battended\b": "run_interruptible",
    r"\bhear\b": "handle_signal",
    r"\binsist\b": "force_stop",
    r"\b(?i:people)\.admit\b": "users.issue",
    r"\bhomes\b": "directories",
    r"\baddon_rights\b": "addon_permissions",
    r"\brights\b": "permissions",
    r"\bNotThereError\b": "WaitError",
    r"\bPatience\b": "Polling",
    r"\bpatiently\b": "retry",
    r"\bTurns\(|class Turns\b|import Turns\b": "RollingLimit",
    r"\betcd-settle\b": "etcd-promote",
    r"\bRENTED\b": "bare metal",
    r"(?i:\brented\b)": "name of the service",
    r"\bcovers_world\b|\bis_world\b": "is_public, cover_public",
    r"\bpython3? -m (?:topology|artifacts|lab|images\.store)(?= )": "a command of kubewright",
    r"\bmake (?:drift|repair|replace|forget|diagnose|snapshot|restore|user|user-revoke|lab-status)\b": (
        "a command of kubewright"
    ),
    # Riddles: name the subject.
    r"\b(?i:somebody|nobody|whoever|everybody|everyone)\b": "the user, the host, the client, …",
    r"\bwhat is so anyway\b": "name the subject",
    r"\bof its own accord\b": "automatically",
}
"""Patterns that no tracked file contains, and what to write instead."""

FORBIDDEN_FILES = re.compile(
    r"(?:^|[/_])(?:veil|farewell|settled|seat|fleet|day_two|driving|homes|forget|people|stay|turns|outlet|"
    r"signs|patience|origins)(?:[/._]|$)"
)

EXCEPTIONS: dict[tuple[str, str], str] = {
    ("", r"cluster-farewell|\{name\}-farewell"): "a resource name, part of URNs in existing states",
    (
        "",
        r"-seat\b|:Seat\b|\"Seat\"|seat-",
    ): "resource names and type tokens, part of URNs in existing states",
    ("artifacts/rootfs.py", r"nobody"): "the user of that name",
    ("nodeconfig/load_balancer.py", r"acl nobody|\} nobody"): "text in haproxy's configuration on hosts",
    ("tests/unit/nodeconfig/texts/", r"acl nobody|\} nobody"): "text in haproxy's configuration on hosts",
    ("tests/", r"@everyone"): "a mention on a forge",
    ("tests/", r"\"(?:nobody|somebody)\""): "a name that does not exist",
    (
        "tests/lab/test_upgrade_from_release.py",
        r"etcd-settle",
    ): "a unit of the release that the test upgrades",
    ("CHANGELOG.md", r".*"): "names what earlier versions had",
    ("tests/unit/test_language.py", r".*"): "this table",
}
"""Exceptions by path prefix and by the pattern of the allowed text, with the reasons."""


@cache
def tracked_files() -> list[str]:
    """Return the paths of tracked and new files, without sources of other projects and the license."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    checked_paths = [
        path
        for path in listed
        if not path.startswith(("artifacts/modules/", "mirrors/")) and path != "LICENSE"
    ]
    return [path for path in checked_paths if (ROOT / path).is_file()]


@cache
def checked_lines(path: str) -> list[str]:
    """Return the lines of a file without the text that exceptions allow; none for a binary file."""
    try:
        text = (ROOT / path).read_text()
    except UnicodeDecodeError:
        return []
    for prefix, allowed in EXCEPTIONS:
        if path.startswith(prefix):
            text = re.sub(allowed, "", text)
    return text.splitlines()


@cache
def different_words() -> frozenset[str]:
    """Return each word of all files once: the texts between white space."""
    return frozenset(
        word for path in tracked_files() for line in checked_lines(path) for word in line.split()
    )


def occurrences(pattern: str) -> Iterator[str]:
    """Yield the lines of all files that contain the pattern, as `path:number: line`.

    A pattern without a space matches only inside of words. Most patterns are in no word, and the words are a
    fifth of the text.
    """
    expression = re.compile(pattern)
    is_inside_words = not re.search(r" |\\s", pattern)
    if is_inside_words and not any(map(expression.search, different_words())):
        return
    for path in tracked_files():
        for number, line in enumerate(checked_lines(path), 1):
            if expression.search(line):
                yield f"{path}:{number}: {line.strip()}"


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_private_words_are_not_used(pattern: str) -> None:
    assert not list(occurrences(pattern)), f"write instead: {FORBIDDEN[pattern]}"


def test_file_names_have_no_private_words() -> None:
    assert not [path for path in tracked_files() if FORBIDDEN_FILES.search(path)]


@pytest.mark.parametrize(("prefix", "allowed"), EXCEPTIONS, ids=str)
def test_each_exception_is_needed(prefix: str, allowed: str) -> None:
    texts = ((ROOT / path).read_text(errors="replace") for path in tracked_files() if path.startswith(prefix))
    assert any(re.search(allowed, text) for text in texts)
