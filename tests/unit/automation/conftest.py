"""Fake hosts: an `ssh` program on PATH that runs scripts on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from automation.operations.ssh import SshRemote
from settings.metal import HostSettings, HostSshSettings, MetalSettings, SshSettings

SSH = """#!/bin/sh
# Write the arguments to a log and run the last one. The host 10.0.0.99 is unreachable.
printf '%s\\n' "$*" >>"$FAKE_SSH/log"
for last; do previous=${target:-}; target=$last; done
case $previous in *10.0.0.99) echo "ssh: connect to host 10.0.0.99: No route to host" >&2; exit 255 ;; esac
exec sh -c "$last"
"""


@dataclass
class FakeSsh:
    """A fake `ssh` program: the directory of its log, and the hosts of the inventory."""

    directory: Path
    remote: SshRemote

    def calls(self) -> list[str]:
        """Return the command line of each call of the fake `ssh` program."""
        log = self.directory / "log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSsh:
    """Return the hosts `a`, `b` (with a different key, port and user) and `lost` (unreachable)."""
    directory = tmp_path / "ssh"
    directory.mkdir()
    (directory / "ssh").write_text(SSH)
    (directory / "ssh").chmod(0o755)
    (directory / "sudo").write_text('#!/bin/sh\nshift\nSUDO=yes exec "$@"\n')
    (directory / "sudo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SSH", str(directory))
    own = HostSshSettings(user="admin", port=2222, host_key="ssh-ed25519 AAAA")
    metal = MetalSettings(
        ssh=SshSettings(private_key_file="/keys/id", known_hosts_file="/keys/known"),
        hosts={
            "a": HostSettings.model_validate({"address": "10.0.0.1"}),
            "b": HostSettings.model_validate({"address": "10.0.0.2", "ssh": own.model_dump()}),
            "lost": HostSettings.model_validate({"address": "10.0.0.99"}),
        },
    )
    return FakeSsh(directory, SshRemote(metal, tmp_path / "state"))
