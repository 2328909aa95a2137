"""Both programs' medians and parts as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.ready.config import IGNORED
from benchmarks.ready.rounds import Round

GOAL = 0.6


def ratio(rounds: Mapping[str, Sequence[Round]]) -> float:
    """Kubewright's median over kubeadm's."""
    return median(r.ready for r in rounds["kubewright"]) / median(r.ready for r in rounds["kubeadm"])


def markdown(rounds: Mapping[str, Sequence[Round]], machine: str) -> str:
    """The document. `machine`: one line about where it was measured."""
    number = len(rounds["kubeadm"])
    lines = [
        "# To a ready cluster: Kubewright and kubeadm",
        "",
        f"Written by `python -m benchmarks.ready --write`: {number} rounds of each, in turns. {machine}",
        "",
        "3 control planes with stacked etcd and 3 workers; the same fresh hosts, binaries, images, mirror",
        "and registry, flannel as a service and kube-proxy by nftables on both sides; one haproxy on the",
        "machine stands before the API of both. Hosts are booted before the clock starts; it stops when",
        "the API says that all six nodes are Ready and CoreDNS is Available.",
        "",
        "| program | median | fastest | slowest |",
        "|---|---|---|---|",
        *(_summary(name, measured) for name, measured in rounds.items()),
        "",
        f"Ratio: **{ratio(rounds):.2f}** (goal: at most {GOAL}).",
        "",
    ]
    for name, measured in rounds.items():
        lines += [f"## Parts of {name}", "", "| part | seconds | from - to |", "|---|---|---|"]
        lines += [*parts(measured), ""]
    lines += [
        "Parts overlap. kubeadm's hosts are prepared all at once and workers join while control planes",
        "do; control planes join one after another, since each adds a member to etcd.",
        "",
        "kubeadm is told to ignore these preflight errors:",
        "",
        *(f"- `{name}`: {why}." for name, why in IGNORED.items()),
    ]
    return "\n".join(lines) + "\n"


def _summary(name: str, measured: Sequence[Round]) -> str:
    times = [r.ready for r in measured]
    return f"| {name} | {median(times):.1f} | {min(times):.1f} | {max(times):.1f} |"


def parts(measured: Sequence[Round]) -> list[str]:
    """Medians of each part, in the order of their beginnings."""
    rows = []
    for name in dict.fromkeys(name for r in measured for name in r.parts):
        seen = [r.parts[name] for r in measured if name in r.parts]
        begin, end = median(s.begin for s in seen), median(s.end for s in seen)
        length = median(s.end - s.begin for s in seen)
        rows.append((begin, f"| {name} | {length:.1f} | {begin:.1f} - {end:.1f} |"))
    return [row for _, row in sorted(rows)]
