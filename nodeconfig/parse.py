"""Parser of the scripts that are delivered to hosts by `nodeconfig.render.script`.

Reports and checks read deliveries of any release. The parser therefore skips unknown lines, and returns an
empty `DeliveryFacts` for a text that is no delivery.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field, replace

from nodeconfig.bundle import Artifact, File, Identity, Program, Service
from topology.model import Role
from topology.rotations import Rotation

_HERE_DOCUMENT = re.compile(r" <<'(EOF_*)'$")
_QUOTED = re.compile(r"['\"\\]")
_CONTINUED = " \\"
_STATEMENTS = frozenset(
    (
        *("authority", "program", "begin", "identity", "version", "trust", "module"),
        *("artifact", "directory", "file", "secret", "drain"),
        *("service", "required_by", "restart_after"),
    )
)


@dataclass(frozen=True, slots=True)
class SecretPath:
    """Path, mode and owner of a secret file, whose content is in the payload and not in the script."""

    path: str
    mode: int
    owner: str


@dataclass(slots=True)
class DeliveryFacts:
    """What the script of one delivery contains, with a field for each kind of content.

    `role` is None if the parsed text is not the script of a delivery.
    """

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
    """One command of a script. `words` has the name of the command and its arguments; `body` has the lines of
    its here-document. `first` and `last` are the line numbers of the command in the script, from 0.
    """

    words: Sequence[str]
    body: Sequence[str]
    first: int
    last: int


def parse_delivery(text: str) -> DeliveryFacts:
    """Return the content of the script of a delivery. Malformed lines are skipped."""
    return _parse_statements(text, _STATEMENTS)


def parse_versions(text: str) -> dict[str, str]:
    """Return versions by component in the script of a delivery. The host checks changes of these versions."""
    return _parse_statements(text, {"version"}).versions


def parse_rotations(text: str) -> dict[str, Rotation]:
    """Return the generations of rotated CAs, by CA name, in the script of a delivery."""
    return _parse_statements(text, {"trust"}).rotations


def file_content(text: str, path: str) -> str:
    """Return the content of the plain file at `path` in the script of a delivery, or "" without that file."""
    return next((item.content for item in _parse_statements(text, {"file"}).files if item.path == path), "")


def path_at_line(lines: Sequence[str], index: int) -> str:
    """Return the path of the file whose content includes line `index` of a script, or "" for other lines.

    `lines` is the script of a delivery; `index` counts from 0.
    """
    for statement in _iterate_statements(lines, {"file"}):
        if statement.first >= index:
            break
        if index <= statement.last and len(statement.words) > 3:
            return statement.words[3]
    return ""


def _parse_statements(text: str, names: Set[str]) -> DeliveryFacts:
    facts = DeliveryFacts()
    for statement in _iterate_statements(text.split("\n"), names):
        try:
            _add_facts(statement, facts)
        except (ValueError, IndexError, TypeError):
            continue  # a line of the login program, or a line that redaction changed
    return facts


def _iterate_statements(lines: Sequence[str], names: Set[str]) -> Iterator[_Statement]:
    """Yield the commands of a script with these names. Other commands are skipped without being parsed,
    because reports read thousands of deliveries.
    """
    position = 0
    while position < len(lines):
        first, line = position, lines[position]
        is_selected = line.partition(" ")[0] in names
        while is_selected and line.endswith(_CONTINUED) and position + 1 < len(lines):
            position += 1
            line = line.removesuffix(_CONTINUED) + " " + lines[position].strip()
        body: Sequence[str] = ()
        if line.endswith("'") and (match := _HERE_DOCUMENT.search(line)):
            line = line[: match.start()]
            terminator = _find_terminator(lines, match[1], position + 1)
            body, position = lines[position + 1 : terminator], terminator
        if is_selected and (words := _split_words(line)):
            yield _Statement(words, body, first, position)
        position += 1


def _find_terminator(lines: Sequence[str], terminator: str, start: int) -> int:
    """Return the index of the line that ends a here-document, or the number of lines without such a line."""
    try:
        return lines.index(terminator, start)
    except ValueError:
        return len(lines)


def _split_words(line: str) -> Sequence[str]:
    if not _QUOTED.search(line):
        return line.split()  # true for most lines; shlex is slow, and reports read thousands of deliveries
    try:
        return shlex.split(line)
    except ValueError:
        return ()


def _add_facts(statement: _Statement, facts: DeliveryFacts) -> None:
    """Add the content of a statement to `facts`. Raise ValueError, IndexError or TypeError if the statement
    is malformed.
    """
    name, *arguments = statement.words
    match name:
        case "begin":
            facts.role = Role(arguments[0])
        case "program":
            facts.program = Program(arguments[0], arguments[1])
        case "authority":
            facts.ca = _body_text(statement)
        case "identity":
            facts.identity = Identity(arguments[0], arguments[1], *arguments[2:3])
        case "version":
            component, version = arguments
            facts.versions[component] = version
        case "trust":
            signing, first, *others = map(int, arguments[1:])
            facts.rotations[arguments[0]] = Rotation(signing, (first, *others))
        case "module":
            facts.modules.append(arguments[0])
        case "artifact":
            facts.artifacts.append(Artifact(*arguments))
        case "drain":
            facts.drain_seconds, facts.drain_on = int(arguments[0]), tuple(arguments[1:])
        case "service":
            facts.services.append(_parse_service(arguments))
        case "required_by":
            facts.services[-1] = replace(facts.services[-1], required_by=arguments[1])
        case "restart_after":
            facts.services[-1] = replace(facts.services[-1], restart_after=arguments[1])
        case "directory" | "file" | "secret":
            _add_file(name, arguments, _body_text(statement), facts)


def _add_file(kind: str, arguments: Sequence[str], content: str, facts: DeliveryFacts) -> None:
    """Add a path to `facts`. `kind` is directory, file or secret; `arguments` are mode, owner and path."""
    mode, owner, path = arguments
    if kind == "secret":
        facts.secrets.append(SecretPath(path, int(mode, 8), owner))
    else:
        files = facts.files if kind == "file" else facts.directories
        files.append(File(path, content, int(mode, 8), owner))


def _parse_service(arguments: Sequence[str]) -> Service:
    unit, timeout, action, ready, *restart_on = arguments
    return Service(unit, tuple(restart_on), ready, int(timeout), reload=action == "reload")


def _body_text(statement: _Statement) -> str:
    """Return the here-document of a statement as the content of a file."""
    return "".join(f"{line}\n" for line in statement.body)
