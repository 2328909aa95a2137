"""Tests of signals to the driver and of closed outputs, with the real engine: no lock and no process
remains.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from testkit.offline.command import SLOW_VARIABLE
from testkit.offline.machine import Machine
from testkit.process import kill_group
from testkit.stackfile import CLUSTER
from tests.engine.stack import OfflineStack, keep_one_machine

pytestmark = pytest.mark.release


@pytest.fixture(scope="module")
def single_host_stack(machine: Machine) -> OfflineStack:
    """Return a deployed stack with a single machine."""
    stack = OfflineStack.from_checkout(machine, "dev", keep_one_machine)
    stack.name = "single"
    stack.up()
    return stack


@contextmanager
def started_command(
    stack: OfflineStack, command: str, *words: str, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start a command of the driver in a separate session, and kill the command at the end of the block."""
    file = stack.machine.write_stack_file(stack.name, stack.config)
    process = subprocess.Popen(
        [sys.executable, "-m", "automation", command, "--stack", stack.name, "--file", str(file), *words],
        env={**os.environ, **stack.machine.environment, **(variables or {})},
        cwd=stack.machine.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        kill_group(process)
        process.wait()


def read_until(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    output = []
    for line in process.stdout:
        output.append(line)
        if word in line:
            return
    raise AssertionError(f"the output never contained {word}:\n{''.join(output)}")


def remaining_processes(machine: Machine) -> list[str]:
    """Return command lines of processes that commands on this machine started and that still run after a
    moment.
    """
    mark = f"KUBEWRIGHT_STATE={machine.state}".encode()
    deadline = time.monotonic() + 5
    while True:
        processes = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    processes.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        if not processes or time.monotonic() > deadline:
            return processes
        time.sleep(0.1)


def lock_files(stack: OfflineStack) -> list[Path]:
    locks = stack.machine.state / "backend/.pulumi/locks/organization/kubewright" / stack.name
    return list(locks.glob("*.json"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_up_completes_its_running_operations(
    single_host_stack: OfflineStack, number: signal.Signals
) -> None:
    single_host_stack.config[CLUSTER]["kubelet"] = {"max_pods": 60 + number}
    with started_command(single_host_stack, "up", variables={SLOW_VARIABLE: "cp-1-node=6"}) as process:
        read_until(process, "cp-1-node updating")
        time.sleep(1)
        # The signal is sent only to the driver, as by `kill` or by a cancelled CI job.
        process.send_signal(number)
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"stack single: interrupted ({number.name}): running operations were finished" in output
    assert "^C received; cancelling" in output, "the engine was not interrupted"
    assert "^C received; terminating" not in output, "the engine was interrupted twice"
    notice = f"{number.name}: the engine finishes its running operations"
    assert output.index(notice) < output.index("Duration:")
    assert "Traceback" not in output
    assert remaining_processes(single_host_stack.machine) == []
    assert lock_files(single_host_stack) == []
    # The engine cancels the plugins' operations and records these operations as pending, so that they are
    # repeated.
    assert single_host_stack.up("--detailed-exit-code", check=False).code == 2
    assert single_host_stack.up("--detailed-exit-code").code == 0


def test_second_signal_ends_the_engine_immediately(single_host_stack: OfflineStack) -> None:
    single_host_stack.config[CLUSTER]["kubelet"] = {"max_pods": 59}
    with started_command(single_host_stack, "up", variables={SLOW_VARIABLE: "cp-1-node=600"}) as process:
        read_until(process, "cp-1-node updating")
        process.terminate()
        time.sleep(2)
        assert process.poll() is None
        start_time = time.monotonic()
        process.terminate()
        output, _ = process.communicate(timeout=120)
    assert time.monotonic() - start_time < 120, "the engine waited for the command of 600 s"
    assert process.returncode == 1
    assert "stack single: interrupted (SIGTERM)" in output
    assert remaining_processes(single_host_stack.machine) == []
    assert lock_files(single_host_stack) == []
    single_host_stack.up()
    assert single_host_stack.up("--detailed-exit-code").code == 0


def test_killed_driver_leaves_no_process(single_host_stack: OfflineStack) -> None:
    single_host_stack.config[CLUSTER]["kubelet"] = {"max_pods": 57}
    with started_command(single_host_stack, "up", variables={SLOW_VARIABLE: "cp-1-node=600"}) as process:
        read_until(process, "cp-1-node updating")
        process.kill()
        process.wait()
        assert remaining_processes(single_host_stack.machine) == []
    single_host_stack.up()


def test_waiting_for_a_stack_can_be_interrupted(single_host_stack: OfflineStack) -> None:
    single_host_stack.config[CLUSTER]["kubelet"] = {"max_pods": 58}
    with started_command(single_host_stack, "up", variables={SLOW_VARIABLE: "cp-1-node=8"}) as first:
        read_until(first, "cp-1-node updating")
        with started_command(single_host_stack, "up", "--wait", "3600") as second:
            time.sleep(6)
            assert second.poll() is None
            second.send_signal(signal.SIGINT)
            output, _ = second.communicate(timeout=20)
        assert second.returncode == 1
        assert "interrupted (SIGINT); nothing else was started" in output
        first.communicate(timeout=120)
    assert first.returncode == 0, "the running command was disturbed"


def test_closed_output_does_not_stop_a_preview(machine: Machine) -> None:
    ha_stack = OfflineStack.from_checkout(machine, "ha")
    with started_command(ha_stack, "preview") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=240) == 1
    assert remaining_processes(machine) == []
