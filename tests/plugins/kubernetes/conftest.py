"""Fixtures of the tests of the Kubernetes plugin with a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.plugins.install import install
from testkit.control_plane import ControlPlane, binary_path
from tests.plugins.kubernetes.stack import PluginStack


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Yield a running control plane without nodes on this machine."""
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="session")
def pulumi_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a PULUMI_HOME in which the stand-in plugin `kubernetes` is installed."""
    directory = tmp_path_factory.mktemp("home")
    install(Path(binary_path("pulumi")), directory, ["kubernetes"])
    return directory


@pytest.fixture
def stack(tmp_path: Path, pulumi_home: Path, control_plane: ControlPlane) -> PluginStack:
    """Return an empty Pulumi stack whose provider uses the control plane."""
    return PluginStack(tmp_path, pulumi_home, control_plane.kubeconfig)
