"""Tests of directories of a bundle: who removes their content, and how far."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nodeconfig.bundle import File
from nodeconfig.render import reset_script
from testkit.host import MINIMAL_BUNDLE, EmulatedHost
from topology.model import Role

DATA = "/var/lib/a"
BUNDLE = replace(MINIMAL_BUNDLE, directories=(File(DATA, "", mode=0o700),))
# The kernel, not the test, would protect a mounted file system: the test reads the arguments of `rm`.
RM = '#!/bin/sh\necho "$*" >>"$FAKE/removed"\nexec /bin/rm "$@"\n'


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    host = EmulatedHost(tmp_path, "sh")
    assert host.deliver(BUNDLE).returncode == 0
    (host.path(DATA) / "database").write_text("x")
    return host


def test_a_directory_that_a_bundle_no_longer_has_keeps_its_content(host: EmulatedHost) -> None:
    """Only the removal of the role deletes data, never a changed setting."""
    result = host.deliver(replace(BUNDLE, directories=()))
    assert result.returncode == 0, result.stderr
    assert f"removed {DATA}" in result.stdout
    assert (host.path(DATA) / "database").read_text() == "x"


def test_the_removal_of_a_role_deletes_no_mounted_file_system(host: EmulatedHost) -> None:
    host.add_program("rm", RM)
    assert host.run(reset_script(Role.NODE)).returncode == 0
    assert not host.path(DATA).exists()
    removals = (host.fake / "removed").read_text().splitlines()
    (removal,) = (line for line in removals if line.endswith(f"{DATA}/database"))
    assert "--one-file-system" in removal.split()


@pytest.mark.parametrize("directory", ["volumes/pvc-1_shop_data", "disks/data/volume"])
def test_the_removal_of_the_last_role_keeps_the_volumes_of_pods(host: EmulatedHost, directory: str) -> None:
    """A disk whose unmount failed is still mounted there."""
    volume = host.path(f"/var/lib/kubewright/{directory}")
    volume.mkdir(parents=True)
    (volume / "database").write_text("x")
    assert host.run(reset_script(Role.NODE)).returncode == 0
    assert (volume / "database").read_text() == "x"
    kept = {path.name for path in host.path("/var/lib/kubewright").iterdir()}
    assert kept == {directory.split("/")[0]}


def test_the_removal_of_the_last_role_removes_the_directory_of_the_host_program(host: EmulatedHost) -> None:
    for name in ("volumes", "disks"):
        host.path(f"/var/lib/kubewright/{name}").mkdir()
    assert host.run(reset_script(Role.NODE)).returncode == 0
    assert not host.path("/var/lib/kubewright").exists()
