"""Helpers that kill a command of Kubewright at a chosen point."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from testkit.cluster import Cluster
from testkit.process import TAIL, CommandResult, kill_group

_POLL_SECONDS = 0.005
"""Seconds between two checks of a condition. On a busy machine, the rest of a command takes little longer."""
EXIT_SECONDS = 1.0
"""Seconds between a kill and the next command, as short as for a quick user."""


def kill_at_output(cluster: Cluster, command: str, pattern: str, *, timeout: float) -> None:
    """Start `up` or `down` and kill it (SIGKILL) when a line of its output matches `pattern`.

    Its process group is killed with it. Raise AssertionError when the command ends before that line, or
    does not print the line within `timeout` seconds.
    """
    with _running_command(cluster, command, timeout) as (process, output):
        _read_until(process, output, pattern)


def act_at_output(
    cluster: Cluster, command: str, pattern: str, action: Callable[[], object], *, timeout: float
) -> CommandResult:
    """Run `up` or `down`, and call `action` when a line of its output matches `pattern`.

    Raise AssertionError when the command ends before that line, or takes more than `timeout` seconds.
    """
    with _running_command(cluster, command, timeout) as (process, output):
        _read_until(process, output, pattern)
        action()
        assert process.stdout is not None
        output.extend(process.stdout)
        code = process.wait()
    return CommandResult(argv=(command,), code=code, stdout="".join(output), stderr="")


def kill_when(cluster: Cluster, command: str, condition: Callable[[], bool], *, timeout: float) -> None:
    """Start `up` or `down` and kill it (SIGKILL) when `condition` returns true.

    Raise AssertionError when the command ends first, or after `timeout` seconds.
    """
    with _running_command(cluster, command, timeout) as (process, _):
        while not condition():
            assert process.poll() is None, (
                f"`{command}` ended, or took {timeout:.0f} s, before it could be killed"
            )
            time.sleep(_POLL_SECONDS)


def _read_until(process: subprocess.Popen[str], output: list[str], pattern: str) -> None:
    """Append the output lines of a command to `output`, up to the first line that matches `pattern`."""
    assert process.stdout is not None
    for line in process.stdout:
        output.append(line)
        if re.search(pattern, line):
            return
    raise AssertionError(f"the command ended, or took too long, before {pattern}:\n{''.join(output[-TAIL:])}")


@contextmanager
def _running_command(
    cluster: Cluster, command: str, timeout: float
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Start a command and collect its output; kill the command at the end of the block and after `timeout`
    seconds.
    """
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
    output: list[str] = []
    try:
        yield process, output
    finally:
        alarm.cancel()
        kill_group(process)
        # Do not read the rest of the output: a child process may keep the pipe open.
        process.wait()
        # Child processes of the command need a moment to end, because a large process is slow to exit.
        time.sleep(EXIT_SECONDS)
        cluster.outputs.append("".join(output))
