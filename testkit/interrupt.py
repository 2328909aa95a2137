"""Killing a command of Kubewright at a chosen point of its work."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from testkit.cluster import Cluster
from testkit.process import TAIL, Done, kill_group

DEATH = 1.0
"""Seconds between a kill and the next command, as quick as a person may be."""


def killed_at(cluster: Cluster, command: str, point: str, *, timeout: float) -> None:
    """Starts `up` or `down` and kills it (SIGKILL) when a line of its output matches `point`.

    What it started in its process group dies with it. Raises AssertionError when the command ends
    before, or does not come so far within `timeout` seconds.
    """
    with _started(cluster, command, timeout) as (process, said):
        _follow(process, said, point)


def disturbed(
    cluster: Cluster, command: str, point: str, action: Callable[[], object], *, timeout: float
) -> Done:
    """Runs `up` or `down` to its end, and does something to it when a line of its output matches `point`.

    Raises AssertionError when the command ends before that line, or takes more than `timeout` seconds.
    """
    with _started(cluster, command, timeout) as (process, said):
        _follow(process, said, point)
        action()
        assert process.stdout is not None
        said.extend(process.stdout)
        code = process.wait()
    return Done(argv=(command,), code=code, stdout="".join(said), stderr="")


def killed_when(cluster: Cluster, command: str, moment: Callable[[], bool], *, timeout: float) -> None:
    """Starts `up` or `down` and kills it (SIGKILL) when `moment` says so.

    Raises AssertionError when the command ends, or `timeout` seconds pass, before.
    """
    with _started(cluster, command, timeout) as (process, _):
        while not moment():
            assert process.poll() is None, (
                f"`{command}` ended, or took {timeout:.0f} s, before it could be killed"
            )
            time.sleep(0.05)


def _follow(process: subprocess.Popen[str], said: list[str], point: str) -> None:
    """Reads what a command says up to the line that matches."""
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if re.search(point, line):
            return
    raise AssertionError(f"the command ended, or took too long, before {point}:\n{''.join(said[-TAIL:])}")


@contextmanager
def _started(
    cluster: Cluster, command: str, timeout: float
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A running command and the list for its output; killed at the end, and after `timeout` seconds."""
    process = subprocess.Popen(
        cluster.argv(command),
        cwd=cluster.state,
        env={**os.environ, **cluster.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    alarm = threading.Timer(timeout, kill_group, [process])
    alarm.start()
    said: list[str] = []
    try:
        yield process, said
    finally:
        alarm.cancel()
        kill_group(process)
        # Not to the end of its output: what it started may hold the pipe open.
        process.wait()
        # Its children die after it: a large process takes a moment.
        time.sleep(DEATH)
        cluster.said.append("".join(said))
