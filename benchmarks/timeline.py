"""Start and end of each part of the command `up`, read from the lines of its output."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_RESOURCE = re.compile(r"^\s*\+\s+(?P<type>[\w:./-]+)\s+(?P<name>\S+)\s+(?P<what>creating|created)\b")
_ENGINE = re.compile(r"^(Updating|Previewing|Destroying) \(")

PARTS = (
    ("hosts of the lab", "tools and mirror are checked, hosts boot; up to the engine's first line"),
    ("engine and program", "up to the first resource of the program"),
    ("PKI", "certificate authorities and certificates"),
    ("etcd", "first member up to quorum"),
    ("control plane", "up to a healthy API"),
    ("nodes", "first delivery up to the last Ready node"),
    ("add-ons", "RBAC, CoreDNS, metrics-server, releases: first object up to the last ready one"),
)
"""Names of the parts of the command `up`, with descriptions for the report."""


@dataclass(frozen=True, slots=True)
class Span:
    """Begin and end of one part of a command, in seconds after the start of the command."""

    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class OutputLine:
    """A line of a command's output and its time, in seconds after the start of the command."""

    seconds: float
    text: str


def spans(lines: Iterable[OutputLine]) -> dict[str, Span]:
    """Return the time span of each part of `PARTS` in the output of `up`, by the name of the part.

    Spans may overlap. Parts without an output line are omitted.
    """
    parts: dict[str, Span] = {}
    engine = 0.0
    for line in lines:
        if _ENGINE.match(line.text):
            engine = line.seconds
            parts["hosts of the lab"] = Span(0.0, engine)
        match = _RESOURCE.match(line.text)
        if not match:
            continue
        if "engine and program" not in parts:
            parts["engine and program"] = Span(engine, line.seconds)
        part = _part_of_resource(match["type"], match["name"])
        if part:
            begin = parts[part].begin if part in parts else line.seconds
            parts[part] = Span(begin, line.seconds)
    return parts


def _part_of_resource(kind: str, name: str) -> str:
    """Return the name of the part that a resource belongs to, or "" for components and the stack.

    `kind` is the type token of the resource, `name` its name.
    """
    if kind.startswith("tls:"):
        return "PKI"
    if kind.startswith("kubernetes:"):
        return "add-ons"
    if kind.startswith("command:"):
        for suffix, part in (("-etcd", "etcd"), ("-control-plane", "control plane"), ("-node", "nodes")):
            if name.endswith(suffix):
                return part
    return ""
