"""Tests of the repair of a machine in place: damaged artifacts and services that do not answer."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from nodeconfig.bundle import Artifact, Bundle, File, Identity, Service
from nodeconfig.drift import repair_script
from nodeconfig.render import payload, script
from testkit.host import PROGRAM, EmulatedHost
from topology.model import Role

IDENTITY = Identity("w-1", "10.0.0.10", "azure:///subscriptions/s/virtualMachines/w-1")
READY = '[ ! -e "$FAKE/dead" ]'
TREE, TOOL, SINGLE = "/usr/local/lib/tree", "/usr/bin/tool", "/usr/bin/single"
UNITS = ("containerd.service", "kubelet.service")


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    host = EmulatedHost(tmp_path, "sh")
    host.install_kubectl()
    return host


@pytest.fixture
def bundle(host: EmulatedHost, tmp_path: Path) -> Bundle:
    """Return a delivered bundle: an archive whole and in part, a single file, and services."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("tool", "other"):
        (source / name).write_text(f"the program {name}\n")
    (source / "single").write_text("a single program\n")
    with tarfile.open(source / "tools.tar", "w") as archive:
        for name in ("tool", "other"):
            archive.add(source / name, name)
    archive_digest = sha256((source / "tools.tar").read_bytes()).hexdigest()
    single_digest = sha256((source / "single").read_bytes()).hexdigest()
    url = (source / "tools.tar").as_uri()
    built = Bundle(
        role=Role.NODE,
        program=PROGRAM,
        files=tuple(File(f"/etc/systemd/system/{unit}", "[Service]\n") for unit in UNITS),
        secrets=(),
        artifacts=(
            Artifact("tools", url, archive_digest, TREE, "*"),
            Artifact("tool", url, archive_digest, TOOL, "tool"),
            Artifact("single", (source / "single").as_uri(), single_digest, SINGLE),
        ),
        services=tuple(Service(unit, restart_on=(SINGLE,), ready=READY, timeout=0) for unit in UNITS),
        drain=True,
        drain_on=(SINGLE,),
    )
    deliver(host, built)
    return built


def boot_script(bundle: Bundle) -> str:
    """Return the script with which the boot program delivers a bundle."""
    return script(bundle, IDENTITY).replace('. "$1/host.sh"\n', '. "$1/host.sh"\nnode_ready() { :; }\n')


def deliver(host: EmulatedHost, bundle: Bundle) -> str:
    """Deliver a bundle as the boot program does, and return the output."""
    result = host.run(boot_script(bundle), payload(bundle, {}))
    assert result.returncode == 0, result.stderr
    return result.stdout


def prepare_repair(host: EmulatedHost) -> subprocess.CompletedProcess[str]:
    work = host.root / "run/work"
    work.mkdir(parents=True, exist_ok=True)
    (work / "host.sh").write_bytes(host.path("/var/lib/kubewright/host.sh").read_bytes())
    result = host.run(f'sh -c \'. "$1/host.sh"; shift; "$@"\' kubewright {work} prepare_repair')
    assert result.returncode == 0, result.stderr
    return result


def truncate(path: Path) -> None:
    path.write_text("")


def make_unexecutable(path: Path) -> None:
    path.chmod(0o600)


def change_one_letter(path: Path) -> None:
    path.write_text(path.read_text().replace("p", "q"))


@pytest.mark.parametrize("damage", [truncate, Path.unlink, change_one_letter])
@pytest.mark.parametrize("path", [f"{TREE}/other", TOOL, SINGLE])
def test_a_damaged_program_is_installed_again(
    host: EmulatedHost, bundle: Bundle, path: str, damage: Callable[[Path], None]
) -> None:
    program = host.path(path)
    content = program.read_text()
    damage(program.resolve())
    # A delivery does not read stored artifacts.
    if damage is not Path.unlink:
        assert deliver(host, bundle) == "node unchanged\n"
    assert "is damaged on this host: it is installed again" in prepare_repair(host).stdout
    deliver(host, bundle)
    assert program.read_text() == content


@pytest.mark.parametrize("path", [f"{TREE}/other", TOOL, SINGLE])
def test_the_command_repair_installs_changed_artifacts_again(
    host: EmulatedHost, bundle: Bundle, path: str
) -> None:
    program = host.path(path)
    content = program.read_text()
    change_one_letter(program.resolve())
    result = host.run(repair_script(boot_script(bundle)), payload(bundle, {}))
    assert result.returncode == 0, result.stderr
    assert "is damaged on this host: it is installed again" in result.stdout
    assert program.read_text() == content


def test_the_command_repair_installs_an_empty_host(
    host: EmulatedHost, bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    empty = EmulatedHost(tmp_path / "empty", "sh")
    empty.install_kubectl()
    result = empty.run(repair_script(boot_script(bundle)), payload(bundle, {}))
    assert result.returncode == 0, result.stderr
    assert "damaged" not in result.stdout
    assert empty.path(SINGLE).read_text() == host.path(SINGLE).read_text()


def test_a_program_that_cannot_be_executed_is_installed_again(host: EmulatedHost, bundle: Bundle) -> None:
    for path in (TOOL, SINGLE):
        make_unexecutable(host.path(path).resolve())
    prepare_repair(host)
    deliver(host, bundle)
    assert [host.path(path).stat().st_mode & 0o777 for path in (TOOL, SINGLE)] == [0o755, 0o755]


def test_a_damaged_archive_is_fetched_again(host: EmulatedHost, bundle: Bundle) -> None:
    (archive,) = host.path("/var/lib/kubewright/artifacts").glob("*/archive")
    content = archive.read_bytes()
    truncate(archive)
    prepare_repair(host)
    deliver(host, bundle)
    assert archive.read_bytes() == content
    assert host.path(TOOL).exists()


def test_intact_artifacts_and_healthy_services_do_not_change(host: EmulatedHost, bundle: Bundle) -> None:
    host.calls()
    assert prepare_repair(host).stdout == ""
    assert deliver(host, bundle) == "node unchanged\n"
    assert host.calls() == []


def test_a_service_that_runs_and_does_not_answer_is_restarted(host: EmulatedHost, bundle: Bundle) -> None:
    single = Service("kubelet.service", restart_on=(SINGLE,), ready="true", timeout=0)
    one_dead = replace(bundle, services=(bundle.services[0], single))
    deliver(host, one_dead)
    host.calls()
    (host.fake / "dead").touch()
    prepare_repair(host)
    (host.fake / "dead").unlink()
    assert deliver(host, one_dead) == "restarted containerd.service\n"
    assert "restart containerd.service" in host.calls()


@pytest.mark.parametrize(("stopped", "drains"), [(None, True), *((unit, False) for unit in UNITS)])
def test_a_node_that_cannot_end_its_pods_is_not_drained(
    host: EmulatedHost, bundle: Bundle, stopped: str | None, drains: bool
) -> None:
    """A pod on a node without a kubelet or a container runtime never ends, and the drain would fail."""
    if stopped:
        (host.fake / f"active.{stopped}").unlink()
    host.path(SINGLE).unlink()
    deliver(host, bundle)
    assert any(" drain " in f" {call} " for call in host.kubectl_calls()) == drains
    assert host.path(SINGLE).exists()
