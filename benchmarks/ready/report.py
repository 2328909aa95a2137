"""Report of the benchmark against kubeadm: medians and parts of Kubewright and kubeadm as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.ready.kubeadm_config import IGNORED_ERRORS
from benchmarks.ready.rounds import ReadinessTimes

MAX_RATIO = 0.6


def ratio(rounds: Mapping[str, Sequence[ReadinessTimes]]) -> float:
    """Return Kubewright's median time to a ready cluster divided by kubeadm's median time."""
    return median(times.ready for times in rounds["kubewright"]) / median(
        times.ready for times in rounds["kubeadm"]
    )


def markdown(rounds: Mapping[str, Sequence[ReadinessTimes]], machine: str) -> str:
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
        *(_summary(name, program_rounds) for name, program_rounds in rounds.items()),
        "",
        f"Ratio: **{ratio(rounds):.2f}** (limit: {MAX_RATIO}).",
        "",
    ]
    for name, program_rounds in rounds.items():
        lines += [f"## Parts of {name}", "", "| part | seconds | from - to |", "|---|---|---|"]
        lines += [*part_rows(program_rounds), ""]
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


def _summary(name: str, program_rounds: Sequence[ReadinessTimes]) -> str:
    seconds = [times.ready for times in program_rounds]
    return f"| {name} | {median(seconds):.1f} | {min(seconds):.1f} | {max(seconds):.1f} |"


def part_rows(program_rounds: Sequence[ReadinessTimes]) -> list[str]:
    """Return a Markdown table row with the median times of each part, in order of start time."""
    rows = []
    for name in dict.fromkeys(name for times in program_rounds for name in times.parts):
        spans = [times.parts[name] for times in program_rounds if name in times.parts]
        begin, end = median(span.begin for span in spans), median(span.end for span in spans)
        length = median(span.end - span.begin for span in spans)
        rows.append((begin, f"| {name} | {length:.1f} | {begin:.1f} - {end:.1f} |"))
    return [row for _, row in sorted(rows)]
