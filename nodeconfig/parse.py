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
    """A file whose content comes with the payload; the text has only its place."""

    path: str
    mode: int
    owner: str


@dataclass(slots=True)
class Delivered:
    """Facts in the text of one delivery. `role` is None for a text that is no delivery."""

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
    """One command of the text. `body` is its here-document; `first` and `last` are indexes of lines."""

    words: Sequence[str]
    body: Sequence[str]
    first: int
    last: int


def parse(text: str) -> Delivered:
    """Return the facts in a delivery's text."""
    return _parse(text, _STATEMENTS)


def versions(text: str) -> dict[str, str]:
    """Return the versions of components whose steps the host guards."""
    return _parse(text, {"version"}).versions


def rotations(text: str) -> dict[str, Rotation]:
    """Return the generations of authorities; authorities that were never rotated are missing."""
    return _parse(text, {"trust"}).rotations


def file_content(text: str, path: str) -> str:
    """Return the content of a plain file, empty when the delivery has no such file."""
    return next((item.content for item in _parse(text, {"file"}).files if item.path == path), "")


def file_at(lines: Sequence[str], index: int) -> str:
    """Return the path on the host of the file that line `index` of a text belongs to, empty for none."""
    for statement in _statements(lines, {"file"}):
        if statement.first >= index:
            break
        if index <= statement.last and len(statement.words) > 3:
            return statement.words[3]
    return ""


def _parse(text: str, names: Set[str]) -> Delivered:
    delivered = Delivered()
    for statement in _statements(text.split("\n"), names):
        try:
            _read(statement, delivered)
        except (ValueError, IndexError, TypeError):
            continue  # a line of the login shell's program, or one that redaction changed
    return delivered


def _statements(lines: Sequence[str], names: Set[str]) -> Iterator[_Statement]:
    """Yield the commands with these names. Reports read thousands of deliveries, so others are skipped."""
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
        if chosen and (words := _split(line)):
            yield _Statement(words, body, first, at)
        at += 1


def _index_of(lines: Sequence[str], end: str, start: int) -> int:
    try:
        return lines.index(end, start)
    except ValueError:
        return len(lines)


def _split(line: str) -> Sequence[str]:
    if not _QUOTED.search(line):
        return line.split()  # most lines; shlex is slow, and reports read thousands of deliveries
    try:
        return shlex.split(line)
    except ValueError:
        return ()


def _read(statement: _Statement, delivered: Delivered) -> None:
    """Add the facts of a statement. Raise ValueError, IndexError or TypeError for one of another shape."""
    name, *words = statement.words
    match name:
        case "begin":
            delivered.role = Role(words[0])
        case "program":
            delivered.program = Program(words[0], words[1])
        case "authority":
            delivered.ca = _content(statement)
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
            delivered.services.append(_service(words))
        case "directory" | "file" | "secret":
            _add_path(name, words, _content(statement), delivered)


def _add_path(kind: str, words: Sequence[str], content: str, delivered: Delivered) -> None:
    mode, owner, path = words
    if kind == "secret":
        delivered.secrets.append(SecretPath(path, int(mode, 8), owner))
    else:
        files = delivered.files if kind == "file" else delivered.directories
        files.append(File(path, content, int(mode, 8), owner))


def _service(words: Sequence[str]) -> Service:
    unit, timeout, action, ready, *restart_on = words
    return Service(unit, tuple(restart_on), ready, int(timeout), reload=action == "reload")


def _content(statement: _Statement) -> str:
    return "".join(f"{line}\n" for line in statement.body)
