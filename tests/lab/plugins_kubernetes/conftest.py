from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.plugins.install import install
from tests.lab.plugins_kubernetes.cluster import ControlPlane, binary
from tests.lab.plugins_kubernetes.stack import Stack


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as control_plane:
        yield control_plane


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("home")
    install(Path(binary("pulumi")), directory, ["kubernetes"])
    return directory


@pytest.fixture
def stack(tmp_path: Path, home: Path, cluster: ControlPlane) -> Stack:
    return Stack(tmp_path, home, cluster.kubeconfig)
