"""Fixtures of the tests of the command plugin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.lab.plugins.command.plugin import CommandPlugin
from tests.unit.lab.plugins.command.sshd import SshHost


@pytest.fixture
def remote() -> CommandPlugin:
    """Return the command plugin with a resource for a command over SSH."""
    return CommandPlugin("command:remote:Command")


@pytest.fixture
def host() -> Iterator[SshHost]:
    """Yield a running SSH server in place of a host."""
    with SshHost() as running:
        yield running
