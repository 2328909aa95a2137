"""One round of each program: fresh hosts, booted before the clock starts; then to the finish line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from artifacts import directories
from benchmarks.ready import mirror, plan
from benchmarks.ready.balancer import balancer
from benchmarks.ready.kubeadm import Kubeadm
from benchmarks.ready.plan import NAME, Site
from benchmarks.ready.watch import Watch
from benchmarks.rounds import BenchmarkError, Subject
from benchmarks.timeline import Span, spans
from lab import stack

_AFTER = 120
"""Seconds that nodes and CoreDNS get after the program's last step."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round measured: seconds to the finish line, and its parts."""

    ready: float
    parts: dict[str, Span]


def kubeadm(directory: Path) -> Round:
    """A cluster by kubeadm. Raises BenchmarkError."""
    site = Site(state=directory, mirror=mirror.build(directories.cache() / "benchmarks" / "mirror"))
    with _hosts(site, directory):
        cluster = Kubeadm(site)
        watch = Watch(site, cluster.start)
        cluster.build()
        ready = _finish(watch, "kubeadm")
    last = max(span.end for span in cluster.parts.values())
    return Round(ready, cluster.parts | {"nodes Ready, CoreDNS Available": Span(min(last, ready), ready)})


def kubewright(directory: Path) -> Round:
    """A cluster by Kubewright. Raises BenchmarkError."""
    site = Site(state=directory, mirror=directories.cache() / "mirror")
    mirror.own(site.mirror)
    with _hosts(site, directory):
        subject = Subject(stack=NAME, file=plan.stack(directory / "stack.yaml"), state=directory)
        watch = Watch(site, time.monotonic())
        try:
            whole, lines = subject.timed("up")
            ready = _finish(watch, "Kubewright")
        finally:
            watch.wait(0)
            subject.timed("down", "--yes")
    return Round(ready, spans(lines) | {"up, whole": Span(0, whole)})


def _finish(watch: Watch, program: str) -> float:
    ready = watch.wait(_AFTER)
    if ready is None:
        raise BenchmarkError(f"{program}: not there {_AFTER} s after its last step: {watch.last}")
    return ready


@contextmanager
def _hosts(site: Site, directory: Path) -> Iterator[None]:
    """Fresh hosts with the balancer before them, taken down afterwards."""
    stack.down(NAME)
    stack.up(site.spec)
    try:
        with balancer(directory):
            yield
    finally:
        stack.down(NAME)
