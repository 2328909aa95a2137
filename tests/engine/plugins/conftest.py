"""Fixtures for tests that run on both kinds of plugins.

The tests run on stand-ins, or with KUBEWRIGHT_PLUGINS=official on the official plugins on PATH.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from automation.environment import environment
from automation.plugin_kind import requested_kind
from lab.plugins.install import install, plugin_version
from lab.plugins.kinds import PluginKind
from lab.plugins.official import find_official
from testkit.cluster import tool
from testkit.plugin_process import Plugin, start_plugin
from tests.unit.lab.plugins.command.sshd import SshHost

REQUIRED = ("command", "tls", "kubernetes")
"""Official plugins that must be on PATH. Tests of other plugins are skipped if the plugin is missing."""


class Plugins:
    """The plugins under test. Each plugin starts when a test first needs it."""

    def __init__(self, directory: Path, running: ExitStack) -> None:
        self._directory = directory
        self._running = running

    def start(self, name: str) -> Plugin:
        """Start a new process of a plugin."""
        number = len(list(self._directory.glob("*.log")))
        log = self._directory / f"{name}-{number}.log"
        return self._running.enter_context(start_plugin(self._program(name), log))

    def _program(self, name: str) -> Path:
        version = plugin_version(name)
        if requested_kind() is PluginKind.OFFICIAL:
            program = find_official(environment().pulumi_home, name, version)
            if program is None and name in REQUIRED:
                pytest.fail(f"put the official pulumi-resource-{name} {version} on PATH")
            if program is None:
                pytest.skip(f"the official pulumi-resource-{name} is not on PATH")
            return program
        home = self._directory / "home"
        install(Path(tool("pulumi")), home, [name])
        return home / "plugins" / f"resource-{name}-v{version}" / f"pulumi-resource-{name}"


@pytest.fixture(scope="package")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugins]:
    """Return the plugins under test."""
    with ExitStack() as running:
        yield Plugins(tmp_path_factory.mktemp("plugins"), running)


@pytest.fixture(scope="package")
def command(plugins: Plugins) -> Plugin:
    """Return the configured command plugin."""
    plugin = plugins.start("command")
    plugin.configure()
    return plugin


@pytest.fixture(scope="package")
def tls(plugins: Plugins) -> Plugin:
    """Return the configured tls plugin."""
    plugin = plugins.start("tls")
    plugin.configure()
    return plugin


@pytest.fixture(scope="package")
def aws(plugins: Plugins) -> Plugin:
    """Return the aws plugin with a configuration that needs no account."""
    plugin = plugins.start("aws")
    skipped = ("CredentialsValidation", "RequestingAccountId", "MetadataApiCheck", "RegionValidation")
    settings = {f"skip{check}": "true" for check in skipped}
    plugin.configure(settings | {"region": "eu-central-1", "accessKey": "none", "secretKey": "none"})
    return plugin


@pytest.fixture(scope="package")
def host() -> Iterator[SshHost]:
    """Yield the connection to an SSH server on loopback, which emulates a host."""
    with SshHost() as running:
        yield running
