"""Fixtures of the command plugin's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.lab.plugins.command.plugin import Plugin
from tests.unit.lab.plugins.command.sshd import Host


@pytest.fixture
def remote() -> Plugin:
    return Plugin("command:remote:Command")


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as running:
        yield running
