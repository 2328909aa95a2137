"""Tests of the installed package: its names, its files, and the same resources as the program."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from testkit.copy import clean_checkout
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import cluster_config

ROOT = Path(__file__).resolve().parents[2]
SETUP = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")
PROGRAM = Path(__file__).with_name("installed_program.py")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the package, which pip built and installed from a copy of the checkout."""
    directory = tmp_path_factory.mktemp("wheel")
    clean_checkout(directory / "checkout")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    options = ["--no-build-isolation", "--no-deps", "--target", str(directory / "site")]
    result = subprocess.run(
        [*command, *options, str(directory / "checkout")], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return directory / "site"


@pytest.fixture(scope="module")
def installed(site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the output of a program that uses the installed package and cannot import the checkout."""
    arguments = cluster_config(tmp_path_factory.mktemp("arguments"), workers=1) | {"name": "one"}
    command = [sys.executable, "-I", str(PROGRAM), str(site), json.dumps(arguments)]
    result = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    output: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return output


class TestInstalledPackage:
    def test_it_has_one_top_level_name(self, site: Path) -> None:
        names = {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")}
        assert names == {"kubewright"}

    def test_it_loads_no_module_with_a_name_of_the_checkout(self, installed: dict[str, Any]) -> None:
        assert not set(installed["modules"]) & {*SETUP["PACKAGES"], "policy", "lab", "automation"}

    def test_it_has_all_files_that_are_not_modules(self, site: Path) -> None:
        expected = {
            str(path.relative_to(ROOT)) for name in SETUP["PACKAGES"] for path in (ROOT / name).rglob("*.sh")
        }
        found = {str(path.relative_to(site / "kubewright")) for path in site.rglob("*.sh")}
        assert found == expected
        assert (site / "kubewright/py.typed").is_file()
        dashboards = "components/addons/dashboards"
        names = {path.name for path in (ROOT / dashboards).iterdir()}
        assert names
        assert {path.name for path in (site / "kubewright" / dashboards).iterdir()} == names

    def test_programs_of_hooks_stay_executable(self, site: Path) -> None:
        for path in (site / "kubewright").rglob("*.sh"):
            mode = (ROOT / path.relative_to(site / "kubewright")).stat().st_mode
            assert (path.stat().st_mode & 0o100) == (mode & 0o100), path

    def test_it_creates_the_same_resources_as_the_program(
        self, installed: dict[str, Any], deploy: Deploy, tmp_path: Path
    ) -> None:
        program = deploy(cluster_config(tmp_path, workers=1) | {"name": "one"})
        below = [(kind, name) for kind, name in installed["resources"] if name.startswith("one-")]
        names = {(kind, name.removeprefix("one-")) for kind, name in below}
        assert names == {item for item in program.names if item[1] != "kubewright-test"}

    def test_commands_run_programs_of_the_package(self, site: Path) -> None:
        path = f"import sys; sys.path.insert(0, {str(site)!r})"
        code = f"{path}; from kubewright.providers.aws import wait_commands; print(wait_commands._MODULE)"
        command = [sys.executable, "-I", "-c", code]
        module = subprocess.run(command, cwd="/", capture_output=True, text=True, check=True).stdout.strip()
        assert module == "kubewright.providers.aws.wait"
