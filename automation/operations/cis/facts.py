"""The facts of a host that checks judge: the script that collects them, and the parser of its output."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from shlex import quote
from typing import Any

from automation.operations.cis import table
from automation.operations.sections import parse_sections
from nodeconfig.host_paths import CA, ETCD_PKI, KUBERNETES, PKI

ETCD_CA = f"{ETCD_PKI}/etcd-ca.crt"
KUBERNETES_CA = CA
ENCRYPTION = f"{PKI}/encryption.yaml"
PROCESSES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd", "kubelet", "kube-proxy")
"""The services whose flags are facts."""
_CONFIGURATIONS = f"{KUBERNETES}/*.json"


@dataclass(frozen=True, slots=True)
class FileFact:
    """A file or directory of a host. `mode` has octal digits, `owner` the form `user:group`."""

    path: str
    mode: int
    owner: str


@dataclass(frozen=True, slots=True)
class CisFacts:
    """The facts of a host.

    `flags` has the flags of each running process, without leading dashes. `configurations` has the content
    of configuration files by path, and `digests` the sha256 of files by path. `providers` are the names of
    encryption providers in the order of their use, one tuple for each group of resources.
    """

    files: tuple[FileFact, ...] = ()
    flags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    configurations: Mapping[str, Any] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    providers: tuple[tuple[str, ...], ...] = ()


@cache
def collection_script() -> str:
    """Return the sh text that prints the facts of a host."""
    program = (Path(__file__).parents[1] / "cis.sh").read_text()
    calls = [
        *(f"inspect {quote(pattern)}" for pattern in table.patterns()),
        *(f"process {name}" for name in PROCESSES),
        f"configuration {quote(_CONFIGURATIONS)}",
        *(f"digest {path}" for path in (ETCD_CA, KUBERNETES_CA)),
        f"providers {ENCRYPTION}",
        "finish",
    ]
    return program + "\n".join(calls) + "\n"


def parse(output: str) -> CisFacts:
    """Return the facts in the output of the script. Raise ValueError when the output is incomplete."""
    files, flags, configurations, digests = [], {}, {}, {}
    providers: tuple[tuple[str, ...], ...] = ()
    for section in parse_sections(output):
        argument, lines = section.argument, section.lines
        match section.name:
            case "file":
                mode, owner, path = argument.split(" ", 2)
                files.append(FileFact(path, int(mode, 8), owner))
            case "process":
                flags[argument] = parse_arguments(lines)
            case "configuration":
                configurations[argument] = _parse_json(lines)
            case "digest":
                digest, _, path = argument.partition(" ")
                digests[path] = digest
            case "providers":
                providers = _parse_providers(lines)
    return CisFacts(tuple(dict.fromkeys(files)), flags, configurations, digests, providers)


def parse_arguments(arguments: Sequence[str]) -> dict[str, str]:
    """Return the flags of a command line, with the options of etcd's environment variables.

    A flag of the command line has precedence over a variable.
    """
    variables = {
        name.removeprefix("ETCD_").lower().replace("_", "-"): value
        for name, separator, value in (argument.partition("=") for argument in arguments)
        if separator and name.startswith("ETCD_")
    }
    flags: dict[str, str] = {}
    words = [argument for argument in arguments[1:] if not argument.startswith("ETCD_")]
    for position, word in enumerate(words):
        if not word.startswith("--"):
            continue
        name, separator, value = word[2:].partition("=")
        following = words[position + 1] if position + 1 < len(words) else "--"
        flags[name] = value if separator or following.startswith("--") else following
        if not separator and following.startswith("--"):
            flags[name] = "true"
    return variables | flags


def _parse_json(lines: Sequence[str]) -> object:
    try:
        parsed: object = json.loads("\n".join(lines))
    except json.JSONDecodeError:
        return None
    return parsed


def _parse_providers(lines: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    groups: list[list[str]] = []
    for line in lines:
        if line == "providers":
            groups.append([])
        elif groups:
            groups[-1].append(line)
    return tuple(map(tuple, groups))
