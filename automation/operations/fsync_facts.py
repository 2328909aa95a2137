"""The speed of the disk of an etcd member, from the histogram of fsyncs in its metrics [C2]."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import inf

SLOW_SECONDS = 0.010
"""The maximum 99th percentile of fsyncs of the log that etcd recommends for its disk, in seconds.

Source: https://etcd.io/docs/v3.6/faq/ ("What does the etcd warning "failed to send out heartbeat on time"
mean?").
"""
_MIN_FSYNCS = 200
"""With fewer fsyncs, two of them would determine the percentile."""
_BUCKET = re.compile(r'etcd_disk_wal_fsync_duration_seconds_bucket\{le="([^"]+)"\} (\S+)')


def parse_fsync(lines: Sequence[str]) -> float | None:
    """Return the 99th percentile of the duration of fsyncs since the start of the member, in seconds.

    It is interpolated in the bucket of the histogram, as Prometheus does. Return None for too few fsyncs, and
    for lines that are no such histogram.
    """
    buckets: list[tuple[float, float]] = []
    for line in lines:
        if match := _BUCKET.fullmatch(line.strip()):
            buckets.append((inf if match[1] == "+Inf" else float(match[1]), float(match[2])))
    buckets.sort()
    total = buckets[-1][1] if buckets else 0
    if total < _MIN_FSYNCS:
        return None
    rank = 0.99 * total
    lower, before = 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            return lower if bound == inf else lower + (bound - lower) * (rank - before) / (count - before)
        lower, before = bound, count
    return None


def fsync_text(seconds: float | None) -> str:
    """Return the percentile as a text such as `3.2 ms`; empty if it is not known."""
    return "" if seconds is None else f"{seconds * 1000:.1f} ms"
