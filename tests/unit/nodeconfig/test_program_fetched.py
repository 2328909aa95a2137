"""Tests of the download of the host program by its digest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nodeconfig.bundle import File, Program
from nodeconfig.host_program import program
from testkit.host import MINIMAL_BUNDLE, PROGRAM, EmulatedHost

PROGRAM_PATH = "/var/lib/kubewright/host.sh"


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    return EmulatedHost(tmp_path, "sh")


def test_an_empty_host_fetches_and_stores_the_program(host: EmulatedHost) -> None:
    result = host.deliver(MINIMAL_BUNDLE)
    assert (result.returncode, result.stderr) == (0, "")
    assert host.path(PROGRAM_PATH).read_text() == program()
    assert host.path("/etc/a/a.conf").read_text() == "one\n"


def test_a_host_with_the_program_fetches_nothing(host: EmulatedHost) -> None:
    assert host.deliver(MINIMAL_BUNDLE).returncode == 0
    (host.fake / "host-program").unlink()
    changed = replace(MINIMAL_BUNDLE, files=(File("/etc/a/a.conf", "two\n"),))
    assert host.deliver(changed).returncode == 0
    assert host.path("/etc/a/a.conf").read_text() == "two\n"


@pytest.mark.parametrize("wrong_content", ["touch $FAKE/ran\n", ""])
def test_a_program_with_another_digest_never_runs(host: EmulatedHost, wrong_content: str) -> None:
    (host.fake / "host-program").write_text(wrong_content)
    result = host.deliver(MINIMAL_BUNDLE)
    assert result.returncode == 1
    assert f"cannot fetch {PROGRAM.url}: sha256 is " in result.stderr.splitlines()[-1]
    assert f"not {PROGRAM.sha256}" in result.stderr
    assert not (host.fake / "ran").exists()
    assert not host.path(PROGRAM_PATH).exists()
    assert not host.path("/etc/a/a.conf").exists()


def test_another_version_on_the_host_is_replaced(host: EmulatedHost) -> None:
    host.path(PROGRAM_PATH).parent.mkdir(parents=True)
    host.path(PROGRAM_PATH).write_text("touch $FAKE/ran\n")
    assert host.deliver(MINIMAL_BUNDLE).returncode == 0
    assert host.path(PROGRAM_PATH).read_text() == program()
    assert not (host.fake / "ran").exists()


def test_a_mirror_without_the_program_is_reported(host: EmulatedHost) -> None:
    unreachable = Program("https://127.0.0.1:9/host-program", PROGRAM.sha256)
    result = host.deliver(replace(MINIMAL_BUNDLE, program=unreachable))
    assert result.returncode == 1
    assert "cannot fetch https://127.0.0.1:9/host-program: curl: (7)" in result.stderr.splitlines()[-1]
    assert not host.path(PROGRAM_PATH).exists()
