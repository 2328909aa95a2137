"""Fixtures for labs that emulate AWS or Azure: cloud-init configures the hosts, the gateway serves the
cloud's APIs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from artifacts import directories
from artifacts.mirror import build
from lab import lifecycle
from lab.spec import LabSpec
from testkit.figures import pytest_terminal_summary, record_figures
from testkit.state import create_directory, is_kept
from tests.clouds.amazon import EmulatedAws
from tests.clouds.azure import EmulatedAzure

__all__ = ["pytest_terminal_summary", "record_figures"]

# Failed assertions of shared tests show their values, as those of test files do.
pytest.register_assert_rewrite("tests.clouds.stack_tests")


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the state directory of the tests of emulated clouds."""
    home = create_directory(tmp_path_factory, "`make test-clouds` as root")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEWRIGHT_STATE", str(home))
        yield home


@cache
def mirror() -> Path:
    """Return the mirror of this machine, with all files and images that this checkout needs."""
    return build(directories.cache() / "mirror")


@contextmanager
def lab(spec: LabSpec) -> Iterator[LabSpec]:
    """Yield a lab and remove it at the end, unless `KUBEWRIGHT_TEST_STATE` keeps the state of tests."""
    lifecycle.down(spec.name)
    try:
        lifecycle.up(spec)
        yield spec
    finally:
        if not is_kept():
            lifecycle.down(spec.name)


@pytest.fixture(scope="module")
def amazon(state: Path) -> Iterator[EmulatedAws]:
    """Return an account of the emulated AWS without machines."""
    spec = LabSpec.model_validate({"name": "kwaws", "network": "10.121.0.0/16", "cloud": "aws"})
    with lab(spec):
        yield EmulatedAws(spec.name)


@pytest.fixture(scope="module")
def azure(state: Path) -> Iterator[EmulatedAzure]:
    """Return a subscription of the emulated Azure without machines."""
    spec = LabSpec.model_validate({"name": "kwazure", "network": "10.122.0.0/16", "cloud": "azure"})
    with lab(spec):
        yield EmulatedAzure(spec.name)
