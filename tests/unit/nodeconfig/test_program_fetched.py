"""How a host gets the host program: by its digest, from what it has or from where artifacts are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from testkit.host import PROGRAM, Host

from nodeconfig.bundle import Bundle, File, Program
from nodeconfig.host_program import program
from topology.model import Role

BUNDLE = Bundle(
    role=Role.NODE,
    program=PROGRAM,
    files=(File("/etc/a/a.conf", "one\n"),),
    secrets=(),
    artifacts=(),
    services=(),
)
KEPT = "/var/lib/kubewright/host.sh"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path, "sh")


def test_an_empty_host_fetches_and_keeps_it(host: Host) -> None:
    done = host.deliver(BUNDLE)
    assert (done.returncode, done.stderr) == (0, "")
    assert host.path(KEPT).read_text() == program()
    assert host.path("/etc/a/a.conf").read_text() == "one\n"


def test_a_host_that_has_it_fetches_nothing(host: Host) -> None:
    assert host.deliver(BUNDLE).returncode == 0
    (host.fake / "host-program").unlink()
    changed = replace(BUNDLE, files=(File("/etc/a/a.conf", "two\n"),))
    assert host.deliver(changed).returncode == 0
    assert host.path("/etc/a/a.conf").read_text() == "two\n"


@pytest.mark.parametrize("what", ["touch $FAKE/ran\n", ""])
def test_what_has_another_digest_is_never_run(host: Host, what: str) -> None:
    (host.fake / "host-program").write_text(what)
    done = host.deliver(BUNDLE)
    assert done.returncode == 1
    assert f"cannot fetch {PROGRAM.url}: sha256 is " in done.stderr.splitlines()[-1]
    assert f"not {PROGRAM.sha256}" in done.stderr
    assert not (host.fake / "ran").exists()
    assert not host.path(KEPT).exists()
    assert not host.path("/etc/a/a.conf").exists()


def test_another_version_on_the_host_gives_way(host: Host) -> None:
    host.path(KEPT).parent.mkdir(parents=True)
    host.path(KEPT).write_text("touch $FAKE/ran\n")
    assert host.deliver(BUNDLE).returncode == 0
    assert host.path(KEPT).read_text() == program()
    assert not (host.fake / "ran").exists()


def test_a_mirror_that_lacks_it_is_said(host: Host) -> None:
    elsewhere = Program("https://127.0.0.1:9/host-program", PROGRAM.sha256)
    done = host.deliver(replace(BUNDLE, program=elsewhere))
    assert done.returncode == 1
    assert "cannot fetch https://127.0.0.1:9/host-program: curl: (7)" in done.stderr.splitlines()[-1]
    assert not host.path(KEPT).exists()
