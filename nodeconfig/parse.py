"""Parser of the scripts that are delivered to hosts by `nodeconfig.render.script`.

Reports and checks read deliveries of any release. The parser therefore skips lines that it does not know,
and returns empty facts for a text that is no delivery.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field

from nodeconfig.bundle import Artifact, File, Identity, Program, Service
from topology.model import Role, Rotation

_HERE_DOCUMENT = re.compile(r" <<'(EOF_*)'$")
_QUOTED = re.compile(r"['\"\\]")
_CONTINUED = " \\"
_STATEMENTS = frozenset(
    (
        *("authority", "program", "begin", "identity", "version", "trust", "module"),
        *("artifact", "directory", "file", "secret", "service", "drain"),
    )
)


@dataclass(frozen=True, slots=True)
class SecretPath:
    """A file whose content comes with the payload. The text has only the path."""

    path: str
    mode: int
    owner: str


@dataclass(slots=True)
class Delivered:
    """Facts that the parser found in one delivery. `role` is None for a text that is no delivery."""

    role: Role | None = None
    identity: Identity | None = None
    program: Program | None = None
    ca: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    rotations: dict[str, Rotation] = field(default_factory=dict)
    modules: list[str] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    directories: list[File] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    secrets: list[SecretPath] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    drain_on: tuple[str, ...] = ()
    drain_seconds: int = 0


@dataclass(frozen=True, slots=True)
class _Statement:
    """One command of the text. `body` is its here-document; `first` and `last` are line numbers from 0."""

    words: Sequence[str]
    body: Sequence[str]
    first: int
    last: int


def parse(text: str) -> Delivered:
    """Return the facts in the text of a delivery."""
    return _parse_statements(text, _STATEMENTS)


def versions(text: str) -> dict[str, str]:
    """Return the versions of components whose version changes the host checks."""
    return _parse_statements(text, {"version"}).versions


def rotations(text: str) -> dict[str, Rotation]:
    """Return the generations of CAs. CAs that were never rotated are missing."""
    return _parse_statements(text, {"trust"}).rotations


def file_content(text: str, path: str) -> str:
    """Return the content of a plain file, or an empty text when the delivery has no such file."""
    return next((item.content for item in _parse_statements(text, {"file"}).files if item.path == path), "")


def file_at(lines: Sequence[str], index: int) -> str:
    """Return the path on the host of the file to which line `index` of a text belongs, or an empty text."""
    for statement in _iterate_statements(lines, {"file"}):
        if statement.first >= index:
            break
        if index <= statement.last and len(statement.words) > 3:
            return statement.words[3]
    return ""


def _parse_statements(text: str, names: Set[str]) -> Delivered:
    delivered = Delivered()
    for statement in _iterate_statements(text.split("\n"), names):
        try:
            _add_facts(statement, delivered)
        except (ValueError, IndexError, TypeError):
            continue  # a line of the login program, or a line that redaction changed
    return delivered


def _iterate_statements(lines: Sequence[str], names: Set[str]) -> Iterator[_Statement]:
    """Yield the commands with these names. Other commands are skipped, because reports read thousands of
    deliveries.
    """
    at = 0
    while at < len(lines):
        first, line = at, lines[at]
        chosen = line.partition(" ")[0] in names
        while chosen and line.endswith(_CONTINUED) and at + 1 < len(lines):
            at += 1
            line = line.removesuffix(_CONTINUED) + " " + lines[at].strip()
        body: Sequence[str] = ()
        if line.endswith("'") and (match := _HERE_DOCUMENT.search(line)):
            line = line[: match.start()]
            end = _index_of(lines, match[1], at + 1)
            body, at = lines[at + 1 : end], end
        if chosen and (words := _split_words(line)):
            yield _Statement(words, body, first, at)
        at += 1


def _index_of(lines: Sequence[str], end: str, start: int) -> int:
    try:
        return lines.index(end, start)
    except ValueError:
        return len(lines)


def _split_words(line: str) -> Sequence[str]:
    if not _QUOTED.search(line):
        return line.split()  # true for most lines; shlex is slow, and reports read thousands of deliveries
    try:
        return shlex.split(line)
    except ValueError:
        return ()


def _add_facts(statement: _Statement, delivered: Delivered) -> None:
    """Add the facts of a statement to `delivered`. Raise ValueError, IndexError or TypeError if the
    statement is malformed.
    """
    name, *words = statement.words
    match name:
        case "begin":
            delivered.role = Role(words[0])
        case "program":
            delivered.program = Program(words[0], words[1])
        case "authority":
            delivered.ca = _file_text(statement)
        case "identity":
            delivered.identity = Identity(words[0], words[1], *words[2:3])
        case "version":
            component, version = words
            delivered.versions[component] = version
        case "trust":
            signing, first, *others = map(int, words[1:])
            delivered.rotations[words[0]] = Rotation(signing, (first, *others))
        case "module":
            delivered.modules.append(words[0])
        case "artifact":
            delivered.artifacts.append(Artifact(*words))
        case "drain":
            delivered.drain_seconds, delivered.drain_on = int(words[0]), tuple(words[1:])
        case "service":
            delivered.services.append(_parse_service(words))
        case "directory" | "file" | "secret":
            _add_path(name, words, _file_text(statement), delivered)


def _add_path(kind: str, words: Sequence[str], content: str, delivered: Delivered) -> None:
    mode, owner, path = words
    if kind == "secret":
        delivered.secrets.append(SecretPath(path, int(mode, 8), owner))
    else:
        files = delivered.files if kind == "file" else delivered.directories
        files.append(File(path, content, int(mode, 8), owner))


def _parse_service(words: Sequence[str]) -> Service:
    unit, timeout, action, ready, *restart_on = words
    return Service(unit, tuple(restart_on), ready, int(timeout), reload=action == "reload")


def _file_text(statement: _Statement) -> str:
    return "".join(f"{line}\n" for line in statement.body)
