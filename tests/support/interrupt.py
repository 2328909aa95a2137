"""Killing a command of Kubewright at a chosen point of its work."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Callable

from tests.support.cluster import Cluster
from tests.support.process import TAIL, kill_group


def killed_at(cluster: Cluster, command: str, point: str, *, timeout: float) -> None:
    """Starts `up` or `down` and kills it (SIGKILL) when a line of its output matches `point`.

    What it started in its process group dies with it. Raises AssertionError when the command ends
    before, or does not come so far within `timeout` seconds.
    """
    process = _started(cluster, command)
    alarm = threading.Timer(timeout, kill_group, [process])
    alarm.start()
    said: list[str] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if re.search(point, line):
                return
        tail = "".join(said[-TAIL:])
        raise AssertionError(f"`{command}` ended, or took {timeout:.0f} s, before {point}:\n{tail}")
    finally:
        alarm.cancel()
        kill_group(process)
        process.wait()
        cluster.said.append("".join(said))


def killed_when(cluster: Cluster, command: str, moment: Callable[[], bool], *, timeout: float) -> None:
    """Starts `up` or `down` and kills it (SIGKILL) when `moment` says so.

    Raises AssertionError when the command ends, or `timeout` seconds pass, before.
    """
    process = _started(cluster, command)
    deadline = time.monotonic() + timeout
    try:
        while not moment():
            assert process.poll() is None, f"`{command}` ended before it could be killed"
            assert time.monotonic() < deadline, f"the moment to kill `{command}` did not come"
            time.sleep(0.05)
    finally:
        kill_group(process)
        process.communicate()


def _started(cluster: Cluster, command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        cluster.argv(command),
        cwd=cluster.state,
        env={**os.environ, **cluster.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
