"""What a line of the commands' output says about when a part of the work began and ended."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_RESOURCE = re.compile(r"^\s*\+\s+(?P<type>[\w:./-]+)\s+(?P<name>\S+)\s+(?P<what>creating|created)\b")
_ENGINE = re.compile(r"^(Updating|Previewing|Destroying) \(")

PARTS = (
    ("hosts of the lab", "tools found, mirror checked, hosts booted; to the engine's first line"),
    ("engine and program", "to the first resource of the program"),
    ("PKI", "authorities and leaves"),
    ("etcd", "first member to quorum"),
    ("control plane", "to a healthy API"),
    ("nodes", "first delivery to the last Ready"),
    ("add-ons", "RBAC, CoreDNS, metrics-server, releases: first object to the last that is ready"),
)


@dataclass(frozen=True, slots=True)
class Span:
    """A part's begin and end, in seconds after the start of the command."""

    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line of output and when it came, in seconds after the start."""

    at: float
    text: str


def spans(lines: Iterable[Line]) -> dict[str, Span]:
    """The parts of one `up`, by name; they overlap where the work does. Parts not seen are left out."""
    found: dict[str, Span] = {}
    engine = 0.0
    for line in lines:
        if _ENGINE.match(line.text):
            engine = line.at
            found["hosts of the lab"] = Span(0.0, engine)
        match = _RESOURCE.match(line.text)
        if not match:
            continue
        if "engine and program" not in found:
            found["engine and program"] = Span(engine, line.at)
        part = _part(match["type"], match["name"])
        if part:
            begin = found[part].begin if part in found else line.at
            found[part] = Span(begin, line.at)
    return found


def _part(kind: str, name: str) -> str:
    """The part that a resource belongs to; empty for components and the stack itself."""
    if kind.startswith("tls:"):
        return "PKI"
    if kind.startswith("kubernetes:"):
        return "add-ons"
    if kind.startswith("command:"):
        for suffix, part in (("-etcd", "etcd"), ("-control-plane", "control plane"), ("-node", "nodes")):
            if name.endswith(suffix):
                return part
    return ""
