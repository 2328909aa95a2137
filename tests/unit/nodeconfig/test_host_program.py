"""Tests of the host program in a directory that emulates a host, with a systemctl that records its calls."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nodeconfig.bundle import Artifact, Bundle, File, SecretFile, Service
from nodeconfig.render import reset_script
from testkit.host import PROGRAM, EmulatedHost
from topology.model import Role


class QuietRequestHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Log nothing, because tests need no log of requests."""


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    return EmulatedHost(tmp_path, "sh")


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    directory = tmp_path / "mirror"
    directory.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietRequestHandler, directory=str(directory)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield directory, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def artifact(mirror: tuple[Path, str], name: str, content: str) -> Artifact:
    (mirror[0] / name).write_text(content)
    digest = sha256(content.encode()).hexdigest()
    return Artifact(name=name, url=f"{mirror[1]}/{name}", sha256=digest, path=f"/usr/bin/{name}")


UNIT = "/etc/systemd/system/a.service"


def example_bundle(*artifacts: Artifact) -> Bundle:
    return Bundle(
        role=Role.NODE,
        program=PROGRAM,
        files=(File("/etc/a/a.conf", "one\ntwo\n", mode=0o640), File(UNIT, "[Service]\n")),
        secrets=(SecretFile("/etc/a/token", "token"),),
        artifacts=artifacts,
        services=(Service("a.service", restart_on=("/etc/a/a.conf",), timeout=2),),
        directories=(File("/var/lib/a", "", mode=0o700),),
    )


def test_a_bundle_is_installed_and_a_second_run_changes_nothing(
    host: EmulatedHost, mirror: tuple[Path, str]
) -> None:
    bundle = example_bundle(artifact(mirror, "tool", "#!/bin/sh\necho tool\n"))
    first = host.deliver(bundle)
    assert first.returncode == 0, first.stderr
    assert host.path("/etc/a/a.conf").read_text() == "one\ntwo\n"
    assert host.path("/etc/a/a.conf").stat().st_mode & 0o777 == 0o640
    assert host.path("/etc/a/token").stat().st_mode & 0o777 == 0o600
    assert host.path("/var/lib/a").stat().st_mode & 0o777 == 0o700
    assert host.path("/etc/kubewright/host.env").read_text() == "NODE_NAME=w-1\nNODE_IP=10.9.0.21\n"
    assert subprocess.run([host.path("/usr/bin/tool")], capture_output=True, text=True).stdout == "tool\n"
    assert host.calls() == ["daemon-reload", "enable a.service", "restart a.service"]
    second = host.deliver(bundle)
    assert second.stdout == "node unchanged\n"
    assert host.calls() == []


def test_a_changed_file_restarts_only_services_that_watch_it(host: EmulatedHost) -> None:
    bundle = example_bundle()
    host.deliver(bundle)
    host.calls()
    unwatched = replace(bundle, files=(*bundle.files, File("/etc/a/other", "x\n")))
    assert "installed /etc/a/other" in host.deliver(unwatched).stdout
    assert "restart a.service" not in host.calls()
    watched = replace(bundle, files=(File("/etc/a/a.conf", "three\n"), bundle.files[1]))
    result = host.deliver(watched)
    assert result.stdout.splitlines() == [
        "installed /etc/a/a.conf",
        "removed /etc/a/other",
        "restarted a.service",
    ]
    assert not host.path("/etc/a/other").exists()


def test_a_service_that_can_reload_is_reloaded_unless_its_unit_changed(host: EmulatedHost) -> None:
    bundle = replace(example_bundle(), services=(replace(example_bundle().services[0], reload=True),))
    host.deliver(bundle)
    host.calls()
    host.deliver(replace(bundle, files=(File("/etc/a/a.conf", "new\n"), bundle.files[1])))
    assert "reload a.service" in host.calls()
    host.deliver(replace(bundle, files=(File("/etc/a/a.conf", "new\n"), File(UNIT, "[Service]\nUser=x\n"))))
    assert "restart a.service" in host.calls()


def test_a_failed_reload_is_an_error_and_repeated_by_the_next_run(host: EmulatedHost) -> None:
    """The service stays active with the old file: a health check would succeed."""
    bundle = replace(example_bundle(), services=(replace(example_bundle().services[0], reload=True),))
    host.deliver(bundle)
    (host.fake / "refuses").touch()
    changed = replace(bundle, files=(File("/etc/a/a.conf", "new\n"), bundle.files[1]))
    for _ in range(2):
        failed = host.deliver(changed)
        assert failed.returncode != 0, failed.stdout
        assert "a.service (" in failed.stderr
        assert "cannot be reloaded: Job failed." in failed.stderr
    (host.fake / "refuses").unlink()
    assert "reloaded a.service" in host.deliver(changed).stdout


def test_a_stopped_service_is_started_again(host: EmulatedHost) -> None:
    host.deliver(example_bundle())
    host.calls()
    (host.fake / "active.a.service").unlink()
    assert host.deliver(example_bundle()).stdout == "restarted a.service\n"


def test_an_unhealthy_service_gives_one_readable_line_and_the_next_run_completes(host: EmulatedHost) -> None:
    bundle = example_bundle()
    waiting = replace(bundle.services[0], ready='[ -e "$ROOT/healthy" ]', timeout=1)
    bundle = replace(bundle, services=(waiting,))
    failed = host.deliver(bundle)
    assert failed.returncode != 0
    assert failed.stderr.splitlines()[0] == "a last message"
    assert failed.stderr.splitlines()[-1].startswith("kubewright: w-1: a.service (")
    assert "SECRET-1" not in failed.stdout + failed.stderr
    host.path("/healthy").write_text("")
    host.calls()
    assert host.deliver(bundle).returncode == 0
    assert host.calls() == []


def test_a_failed_unit_is_reported_without_waiting(host: EmulatedHost) -> None:
    (host.fake / "broken").touch()
    start = time.monotonic()
    bundle = replace(example_bundle(), services=(replace(example_bundle().services[0], timeout=600),))
    assert host.deliver(bundle).returncode != 0
    assert time.monotonic() - start < 120


def test_a_restart_lost_by_an_interruption_is_repeated(host: EmulatedHost) -> None:
    host.deliver(example_bundle())
    host.calls()
    changed = replace(example_bundle(), files=(File("/etc/a/a.conf", "new\n"), example_bundle().files[1]))
    # Emulates a run that ended between the installation of the file and the restart of the service.
    host.path("/etc/a/a.conf").write_text("new\n")
    assert host.deliver(changed).stdout == "restarted a.service\n"


def test_a_file_with_another_digest_is_refused_and_nothing_is_installed(
    host: EmulatedHost, mirror: tuple[Path, str]
) -> None:
    bundle = example_bundle(artifact(mirror, "tool", "right"))
    (mirror[0] / "tool").write_text("wrong")
    result = host.deliver(bundle)
    assert result.returncode != 0
    assert "cannot fetch" in result.stderr
    assert "sha256" in result.stderr
    assert not host.path("/etc/a/a.conf").exists()
    assert not host.path("/usr/bin/tool").exists()


def test_artifacts_that_no_bundle_uses_are_pruned(host: EmulatedHost, mirror: tuple[Path, str]) -> None:
    old, new = artifact(mirror, "tool", "old"), artifact(mirror, "tool2", "new")
    host.deliver(example_bundle(old))
    stored_artifacts = host.path("/var/lib/kubewright/artifacts")
    assert [path.name for path in stored_artifacts.iterdir()] == [old.sha256]
    host.deliver(example_bundle(new))
    assert [path.name for path in stored_artifacts.iterdir()] == [new.sha256]
    assert not host.path("/usr/bin/tool").is_symlink()


def test_archives_are_unpacked_completely_or_by_member(
    host: EmulatedHost, mirror: tuple[Path, str], tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "tool").write_text("inside")
    subprocess.run(["tar", "-cf", mirror[0] / "a.tar", "-C", tmp_path / "in", "tool"], check=True)
    data = (mirror[0] / "a.tar").read_bytes()
    source = {"url": f"{mirror[1]}/a.tar", "sha256": sha256(data).hexdigest()}
    whole = Artifact(name="whole", path="/opt/whole", member="*", **source)
    member = Artifact(name="tool", path="/usr/bin/tool", member="tool", **source)
    assert host.deliver(example_bundle(whole, member)).returncode == 0
    assert host.path("/opt/whole/tool").read_text() == host.path("/usr/bin/tool").read_text() == "inside"
    assert host.deliver(example_bundle(whole, member)).stdout == "node unchanged\n"


def test_two_roles_share_a_file_and_each_removes_only_its_own(host: EmulatedHost) -> None:
    node = example_bundle()
    shared = replace(example_bundle(), role=Role.CONTROL_PLANE, services=(), directories=())
    assert host.deliver(shared).returncode == 0
    assert host.deliver(node).returncode == 0
    assert host.run(reset_script(Role.CONTROL_PLANE)).returncode == 0
    assert host.path("/etc/a/a.conf").exists()
    (host.path("/var/lib/a") / "data").write_text("x")
    result = host.run(reset_script(Role.NODE))
    assert result.returncode == 0, result.stderr
    remaining_paths = [path for path in host.root.rglob("*") if not path.is_dir()]
    assert remaining_paths == []
    assert not host.path("/var/lib/a").exists()
    assert not (host.fake / "active.a.service").exists()
    assert host.run(reset_script(Role.NODE)).stdout == "node unchanged\n"


def join_node(host: EmulatedHost) -> None:
    """Deliver a node bundle and install a fake kubectl."""
    assert host.deliver(example_bundle()).returncode == 0
    host.install_kubectl()


def test_a_node_waits_for_a_briefly_unavailable_api_before_it_leaves(host: EmulatedHost) -> None:
    join_node(host)
    (host.fake / "api-down").touch()
    assert host.run(reset_script(Role.NODE)).returncode == 0
    assert any(" drain w-1 " in call for call in host.kubectl_calls())
    assert any(" node w-1 kubewright.dev/leaving=node" in call for call in host.kubectl_calls())


def test_a_node_unknown_to_the_cluster_leaves_at_once(host: EmulatedHost) -> None:
    join_node(host)
    (host.fake / "unknown-node").touch()
    assert host.run(reset_script(Role.NODE)).returncode == 0
    assert len(host.kubectl_calls()) == 1


def test_a_lock_left_by_a_dead_run_is_taken_over(host: EmulatedHost) -> None:
    lock = host.path("/run/kubewright.lock")
    lock.mkdir(parents=True)
    (lock / "holder").write_text("999999999 12345\n")
    assert host.deliver(example_bundle()).returncode == 0
    assert not lock.exists()


def test_a_run_waits_for_another_run(host: EmulatedHost) -> None:
    lock = host.path("/run/kubewright.lock")
    lock.mkdir(parents=True)
    fields = Path(f"/proc/{os.getpid()}/stat").read_text().rsplit(") ", 1)[1].split()
    (lock / "holder").write_text(f"{os.getpid()} {fields[19]}\n")
    timer = threading.Timer(2, lambda: (lock / "holder").write_text("999999999 1\n"))
    timer.start()
    start = time.monotonic()
    assert host.deliver(example_bundle()).returncode == 0
    assert time.monotonic() - start > 1.5
    timer.join()


def test_other_login_shells_work(host: EmulatedHost) -> None:
    host.shell = "bash"
    assert host.deliver(example_bundle()).returncode == 0
    assert host.deliver(example_bundle()).stdout == "node unchanged\n"


def test_the_payload_is_removed_after_the_run(host: EmulatedHost) -> None:
    real = 'made=$(PATH=${PATH#*:} mktemp "$@") && echo "$made" >>"$FAKE/made" && echo "$made"\n'
    host.add_program("mktemp", f"#!/bin/sh\n{real}")
    assert host.deliver(example_bundle()).returncode == 0
    assert host.run(reset_script(Role.NODE)).returncode == 0
    temporary_paths = [Path(line) for line in (host.fake / "made").read_text().splitlines()]
    assert len(temporary_paths) == 2
    assert [path for path in temporary_paths if path.exists()] == []
