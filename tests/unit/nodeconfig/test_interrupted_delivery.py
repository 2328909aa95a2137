"""Test that a delivery whose connection ends leaves no keys on the host."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from nodeconfig.bundle import Bundle, File, Identity, SecretFile, Service
from nodeconfig.render import payload, script
from testkit.host import PROGRAM, EmulatedHost
from testkit.wait import eventually
from topology.model import Role

BUNDLE = Bundle(
    role=Role.NODE,
    program=PROGRAM,
    files=(File("/etc/systemd/system/a.service", "[Service]\n"),),
    secrets=(SecretFile("/etc/a/token", "token"),),
    artifacts=(),
    services=(Service("a.service", ready=': >"$FAKE/waits"; exec sleep 60', timeout=60),),
)
MKTEMP = '#!/bin/sh\nmkdir "$FAKE/work" && echo "$FAKE/work"\n'


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_delivery_removes_its_payload_and_its_lock(
    tmp_path: Path, number: signal.Signals
) -> None:
    """sshd sends SIGHUP to the processes of a session when the connection ends."""
    host = EmulatedHost(tmp_path, "sh")
    host.add_program("mktemp", MKTEMP)
    environment = {
        "PATH": f"{host.fake}:{os.environ['PATH']}",
        "KUBEWRIGHT_ROOT": str(host.root),
        "FAKE": str(host.fake),
    }
    process = subprocess.Popen(
        ["sh", "-c", script(BUNDLE, Identity("w-1", "10.9.0.21"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
        start_new_session=True,
    )
    assert process.stdin is not None
    with process.stdin as stdin:
        stdin.write(payload(BUNDLE, {"token": "SECRET-1\n"}))
    eventually("the delivery waits for health", (host.fake / "waits").exists, timeout=30, interval=0.05)
    assert (host.fake / "work/secrets/etc/a/token").exists()
    os.killpg(process.pid, number)
    process.wait(timeout=30)
    assert not (host.fake / "work").exists()
    assert not host.path("/run/kubewright.lock").exists()
