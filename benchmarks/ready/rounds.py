"""One round of the benchmark against kubeadm, for each program: from booted hosts to a ready cluster."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from artifacts import directories
from benchmarks.ready import layout, mirror
from benchmarks.ready.kubeadm import Kubeadm
from benchmarks.ready.layout import NAME, ClusterSetup
from benchmarks.ready.load_balancer import run_load_balancer
from benchmarks.ready.readiness import ReadinessWatch
from benchmarks.rounds import BenchmarkError, BenchmarkStack
from benchmarks.timeline import Span, spans
from lab import lifecycle

_READY_TIMEOUT = 120
"""Seconds for nodes and CoreDNS to become ready after the program's last step."""


@dataclass(frozen=True, slots=True)
class ReadinessTimes:
    """Times of one round: seconds until the cluster is ready, and the time spans of the parts by name."""

    ready: float
    parts: dict[str, Span]


def run_kubeadm(directory: Path) -> ReadinessTimes:
    """Create a cluster with kubeadm and measure the time. Raise BenchmarkError on failure."""
    setup = ClusterSetup(
        state=directory, mirror=mirror.build_kubeadm_mirror(directories.cache() / "benchmarks" / "mirror")
    )
    with _lab_hosts(setup, directory):
        cluster = Kubeadm(setup)
        watch = ReadinessWatch(setup, cluster.start)
        cluster.build()
        ready = _wait_until_ready(watch, "kubeadm")
    last = max(span.end for span in cluster.parts.values())
    return ReadinessTimes(
        ready, cluster.parts | {"nodes Ready, CoreDNS Available": Span(min(last, ready), ready)}
    )


def run_kubewright(directory: Path) -> ReadinessTimes:
    """Create a cluster with Kubewright and measure the time. Raise BenchmarkError on failure."""
    setup = ClusterSetup(state=directory, mirror=directories.cache() / "mirror")
    mirror.build_kubewright_mirror(setup.mirror)
    with _lab_hosts(setup, directory):
        benchmark_stack = BenchmarkStack(
            stack=NAME, file=layout.write_stack_file(directory / "stack.yaml"), state=directory
        )
        watch = ReadinessWatch(setup, time.monotonic())
        try:
            whole, lines = benchmark_stack.run_timed("up")
            ready = _wait_until_ready(watch, "Kubewright")
        finally:
            watch.wait(0)
            benchmark_stack.run_timed("down", "--yes")
    return ReadinessTimes(ready, spans(lines) | {"up, whole": Span(0, whole)})


def _wait_until_ready(watch: ReadinessWatch, program: str) -> float:
    ready = watch.wait(_READY_TIMEOUT)
    if ready is None:
        raise BenchmarkError(
            f"{program}: not ready {_READY_TIMEOUT} s after the last step: {watch.last_status}"
        )
    return ready


@contextmanager
def _lab_hosts(setup: ClusterSetup, directory: Path) -> Iterator[None]:
    """Run new hosts and their load balancer, and remove them after the block."""
    lifecycle.down(NAME)
    lifecycle.up(setup.spec)
    try:
        with run_load_balancer(directory):
            yield
    finally:
        lifecycle.down(NAME)
