"""Tests of the locks, which pin all Python packages by their digests."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
_SOURCES = {
    "requirements.lock": ("requirements.txt",),
    "requirements-dev.lock": ("requirements.txt", "requirements-dev.txt"),
}


def locked_packages(name: str) -> dict[str, list[str]]:
    """Return the versions of each package in a lock. A package has several versions for different Pythons."""
    versions: dict[str, list[str]] = {}
    for package, version in re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==(\S+)", lock_text(name), re.MULTILINE):
        versions.setdefault(canonicalize_name(package), []).append(version)
    return versions


def lock_text(name: str) -> str:
    return (ROOT / "setup" / name).read_text()


def required_packages(name: str) -> dict[str, str]:
    """Return the version that a requirements file pins, by package."""
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    requirements = [Requirement(line) for line in lines if line]
    return {canonicalize_name(item.name): str(item.specifier).removeprefix("==") for item in requirements}


@pytest.mark.parametrize("lock", _SOURCES)
def test_locks_have_the_required_versions(lock: str) -> None:
    locked = locked_packages(lock)
    for source in _SOURCES[lock]:
        for package, version in required_packages(source).items():
            assert locked.get(package) == [version], f"{package}: run `make lock`"


@pytest.mark.parametrize("lock", _SOURCES)
def test_each_locked_package_has_digests(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", lock_text(lock).strip())
    assert len(entries) == sum(map(len, locked_packages(lock).values()))
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry.splitlines()[0]


def test_deployments_and_tests_use_the_same_versions() -> None:
    development = locked_packages("requirements-dev.lock")
    for package, versions in locked_packages("requirements.lock").items():
        assert development[package] == versions


def test_deployments_install_no_packages_of_tests() -> None:
    # Pulumi requires setuptools too.
    development = required_packages("requirements-dev.txt").keys() - {"setuptools"}
    assert not development & locked_packages("requirements.lock").keys()


def test_locks_name_no_package_index() -> None:
    for lock in _SOURCES:
        assert "://" not in lock_text(lock)


class TestEnvironment:
    """`setup/environment` with a cache whose environments exist already."""

    @pytest.fixture
    def cache(self, tmp_path: Path) -> Path:
        return tmp_path / "cache"

    def run(self, cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        # PATH has only what the script needs when the environment exists: with another PATH the test would
        # install packages.
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(cache), "KUBEWRIGHT_CACHE": str(cache)}
        return subprocess.run(
            [ROOT / "setup/environment", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def test_an_unknown_argument_is_refused(self, cache: Path) -> None:
        result = self.run(cache, "--prod")
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr == "kubewright: unknown argument --prod; use --dev or none\n"

    def test_an_existing_development_environment_is_used(self, cache: Path) -> None:
        development = self.create(cache, "requirements-dev.lock")
        assert self.run(cache, "--dev").stdout == f"{development}/bin/python\n"
        assert self.run(cache).stdout == f"{development}/bin/python\n"

    def test_a_deployment_uses_its_own_environment(self, cache: Path) -> None:
        deployment = self.create(cache, "requirements.lock")
        assert self.run(cache).stdout == f"{deployment}/bin/python\n"

    def create(self, cache: Path, lock: str) -> Path:
        """Create the mark of a complete environment and return its directory."""
        digest = subprocess.run(
            ["sha256sum"],
            input=lock_text(lock) + (ROOT / "setup/debian-packages.txt").read_text(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout[:16]
        directory = cache / "venv" / digest
        directory.mkdir(parents=True)
        (directory / "complete").touch()
        return directory
