"""Tests that locks of dead processes are removed and locks of running processes are kept."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from automation.engine import backend, locks
from automation.errors import UserError


def _write_lock(backend: Path, **changes: object) -> Path:
    directory = backend / ".pulumi/locks/organization/kubewright/dev"
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "0000.json"
    content = {"pid": os.getpid(), "username": "ann", "hostname": socket.gethostname(), "timestamp": "now"}
    path.write_text(json.dumps(content | changes))
    return path


def _dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def _remove_stale_locks(backend: Path) -> None:
    locks.remove_stale_locks(root=backend, project="kubewright", stack="dev")


def test_lock_of_a_dead_process_is_removed(tmp_path: Path) -> None:
    path = _write_lock(tmp_path, pid=_dead_pid())
    _remove_stale_locks(tmp_path)
    assert not path.exists()


@pytest.mark.parametrize("changes", [{}, {"pid": 1, "hostname": "elsewhere"}])
def test_lock_of_a_running_or_remote_process_names_its_holder(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    path = _write_lock(tmp_path, **changes)
    with pytest.raises(UserError, match=r"stack dev: in use by ann@.* since now \(process \d+\)"):
        _remove_stale_locks(tmp_path)
    assert path.exists()


def test_locks_of_other_stacks_are_kept(tmp_path: Path) -> None:
    path = _write_lock(tmp_path, pid=_dead_pid())
    locks.remove_stale_locks(root=tmp_path, project="kubewright", stack="other")
    assert path.exists()


def test_only_file_backends_have_a_directory() -> None:
    assert backend.state_directory("file:///var/state%20here") == Path("/var/state here")
    assert backend.state_directory("file://~/state") == Path.home() / "state"
    assert backend.state_directory("s3://bucket") is None


def test_zombie_counts_as_dead(tmp_path: Path) -> None:
    process = subprocess.Popen(["sleep", "60"])
    process.kill()
    try:
        while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.01)
        assert locks.LockHolder(process.pid, "ann", socket.gethostname(), "now").is_dead
    finally:
        process.wait()
