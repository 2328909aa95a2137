"""Report of the benchmark against kubeadm: medians and parts of both programs as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.ready.kubeadm_config import IGNORED_ERRORS
from benchmarks.ready.rounds import Round

MAX_RATIO = 0.6


def ratio(rounds: Mapping[str, Sequence[Round]]) -> float:
    """Return Kubewright's median divided by kubeadm's."""
    return median(r.ready for r in rounds["kubewright"]) / median(r.ready for r in rounds["kubeadm"])


def markdown(rounds: Mapping[str, Sequence[Round]], machine: str) -> str:
    """Return the text of docs/benchmarks-ready.md. `machine` is a line that describes the machine."""
    number = len(rounds["kubeadm"])
    lines = [
        "# To a ready cluster: Kubewright and kubeadm",
        "",
        f"Written by `python -m benchmarks.ready --write`: {number} rounds of each program, in turns.",
        machine,
        "",
        "3 control planes with stacked etcd and 3 workers. Both programs use the same fresh hosts, binaries,",
        "images, mirror and registry, flannel as a service and kube-proxy with nftables. One haproxy on the",
        "machine is the load balancer of both clusters. Hosts are booted before the measurement starts; it",
        "ends when the API reports that all six nodes are Ready and CoreDNS is Available.",
        "",
        "| program | median | fastest | slowest |",
        "|---|---|---|---|",
        *(_summary(name, measured) for name, measured in rounds.items()),
        "",
        f"Ratio: **{ratio(rounds):.2f}** (limit: {MAX_RATIO}).",
        "",
    ]
    for name, measured in rounds.items():
        lines += [f"## Parts of {name}", "", "| part | seconds | from - to |", "|---|---|---|"]
        lines += [*parts(measured), ""]
    lines += [
        "Parts overlap. kubeadm's hosts are prepared at the same time, and workers join while control planes",
        "join. Control planes join one after another, because each adds an etcd member.",
        "",
        "kubeadm ignores these preflight errors:",
        "",
        *(
            line
            for name, reason in IGNORED_ERRORS.items()
            for line in textwrap.wrap(f"- `{name}`: {reason}.", 100, subsequent_indent="  ")
        ),
    ]
    return "\n".join(lines) + "\n"


def _summary(name: str, measured: Sequence[Round]) -> str:
    times = [r.ready for r in measured]
    return f"| {name} | {median(times):.1f} | {min(times):.1f} | {max(times):.1f} |"


def parts(measured: Sequence[Round]) -> list[str]:
    """Return the median of each part, in order of start time."""
    rows = []
    for name in dict.fromkeys(name for r in measured for name in r.parts):
        spans = [r.parts[name] for r in measured if name in r.parts]
        begin, end = median(s.begin for s in spans), median(s.end for s in spans)
        length = median(s.end - s.begin for s in spans)
        rows.append((begin, f"| {name} | {length:.1f} | {begin:.1f} - {end:.1f} |"))
    return [row for _, row in sorted(rows)]
