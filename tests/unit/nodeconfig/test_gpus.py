"""Tests of the nodes of pools with GPUs (`gpu: nvidia`)."""

from __future__ import annotations

import subprocess
import tomllib
from dataclasses import replace
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest

from nodeconfig import bundles
from nodeconfig.bundle import Bundle, Identity, RequiredProgram
from nodeconfig.node_labels import node_labels_script
from nodeconfig.render import script
from testkit.bundles import FakeIndex, cluster
from testkit.host import MINIMAL_BUNDLE, EmulatedHost
from topology.model import Role, Topology

PROGRAM = "/usr/bin/nvidia-container-runtime"
DIFFERENCE = """\
+requires /usr/bin/nvidia-container-runtime 'pools.gpus.gpu: nvidia needs the NVIDIA driver and the NVIDIA \
Container Toolkit on the host; install both, or remove the setting'
+
+[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.nvidia]
+runtime_type = "io.containerd.runc.v2"
+
+[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.nvidia.options]
+BinaryName = "/usr/bin/nvidia-container-runtime"
-{
-    cat /etc/containerd/config.toml
-    echo "SystemdCgroup = $systemd"
-} >/run/kubewright-containerd.toml.new
+sed "s|^BinaryName = .*|&\\nSystemdCgroup = $systemd|" /etc/containerd/config.toml \
>/run/kubewright-containerd.toml.new
+Environment=PATH=/usr/local/lib/kubewright/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
+      "effect": "NoSchedule"
+    },
+    {
+      "key": "nvidia.com/gpu",
+      "value": "present",
"""
"""The lines of the text of a host that `gpu: nvidia` changes."""


def with_pools(**gpus: str | None) -> Topology:
    """Return a cluster with a pool `gpus` (w-1) and a pool `web` (w-2), with the value of `gpu` by pool."""
    pools: dict[str, dict[str, object]] = {
        "gpus": {"hosts": ["w-1"], "labels": {"team": "ml"}, "taints": ["team=ml:NoSchedule"]},
        "web": {"hosts": ["w-2"]},
    }
    for name, vendor in gpus.items():
        pools[name]["gpu"] = vendor
    return cluster(sections={"pools": pools})


def node(topology: Topology, host: str) -> Bundle:
    return bundles(topology, FakeIndex())[host, Role.NODE]


def text(topology: Topology) -> str:
    return script(node(topology, "w-1"), Identity("w-1", "10.9.0.21"))


def content(bundle: Bundle, path: str) -> str:
    (found,) = (file.content for file in bundle.files if file.path == path)
    return found


def test_setting_changes_these_lines_of_the_hosts_of_the_pool() -> None:
    before, after = (text(with_pools(gpus=gpu)).splitlines(True) for gpu in (None, "nvidia"))
    lines = list(unified_diff(before, after, n=0))[2:]
    assert "".join(line for line in lines if not line.startswith("@@")) == DIFFERENCE


def test_other_hosts_do_not_change() -> None:
    without, with_gpus = (bundles(with_pools(gpus=gpu), FakeIndex()) for gpu in (None, "nvidia"))
    changed = {key for key in without if without[key] != with_gpus[key]}
    assert changed == {("w-1", Role.NODE)}


def test_changed_files_restart_containerd_and_the_kubelet_without_a_drain() -> None:
    before, after = (node(with_pools(gpus=gpu), "w-1") for gpu in (None, "nvidia"))
    changed = {new.path for old, new in zip(before.files, after.files, strict=True) if old != new}
    restarted = {
        service.unit
        for service in after.services
        if changed & {*service.restart_on, f"/etc/systemd/system/{service.unit}"}
    }
    assert restarted == {"containerd.service", "kubelet.service"}
    assert after.drain_on
    assert not changed & set(after.drain_on)


def test_label_and_taint_join_those_of_the_user() -> None:
    (pool,) = (pool for pool in with_pools(gpus="nvidia").pools if pool.name == "gpus")
    assert node_labels_script(pool).startswith(
        "pool() {\n    cat <<'EOF'\nnode w-1\nlabel team=ml\nlabel nvidia.com/gpu.present=true\n"
        "taint team=ml:NoSchedule\ntaint nvidia.com/gpu=present:NoSchedule\nEOF\n}\n"
    )


@pytest.mark.parametrize("has_cgroup_v2", [True, False])
@pytest.mark.parametrize("gpu", [None, "nvidia"])
def test_all_runtimes_have_the_cgroup_driver_of_the_host(
    tmp_path: Path, gpu: str | None, has_cgroup_v2: bool
) -> None:
    runtimes = prepared_configuration(tmp_path, gpu, has_cgroup_v2)["containerd"]["runtimes"]
    assert set(runtimes) == ({"runc", "nvidia"} if gpu else {"runc"})
    for runtime in runtimes.values():
        assert runtime["runtime_type"] == "io.containerd.runc.v2"
        assert runtime["options"]["SystemdCgroup"] is has_cgroup_v2
    programs = {name: runtime["options"]["BinaryName"] for name, runtime in runtimes.items()}
    expected = {"runc": "/usr/local/lib/kubewright/bin/runc", "nvidia": PROGRAM}
    assert programs == {name: expected[name] for name in runtimes}


def test_pods_without_a_runtime_class_use_runc(tmp_path: Path) -> None:
    assert prepared_configuration(tmp_path, "nvidia", True)["containerd"]["default_runtime_name"] == "runc"


def prepared_configuration(directory: Path, gpu: str | None, has_cgroup_v2: bool) -> Any:  # noqa: ANN401 - TOML
    """Return the runtime section of containerd's configuration after its preparation in a directory."""
    bundle = node(with_pools(gpus=gpu), "w-1")
    (directory / "config.toml").write_text(content(bundle, "/etc/containerd/config.toml"))
    if has_cgroup_v2:
        (directory / "cgroup.controllers").touch()
    program = content(bundle, "/usr/local/lib/kubewright/containerd-prepare")
    for path in ("/etc/containerd/", "/run/", "/sys/fs/cgroup/"):
        program = program.replace(path, f"{directory}/")
    subprocess.run(["sh", "-c", program], check=True, timeout=10)
    result = tomllib.loads((directory / "kubewright-containerd.toml").read_text())
    return result["plugins"]["io.containerd.cri.v1.runtime"]


NEEDS_RUNTIME = replace(MINIMAL_BUNDLE, required_programs=(RequiredProgram(PROGRAM, "install it, or don't"),))
"""A bundle with one file, for hosts with the program."""


@pytest.fixture(params=["dash", "bash"])
def host(tmp_path: Path, request: pytest.FixtureRequest) -> EmulatedHost:
    return EmulatedHost(tmp_path, str(request.param))


@pytest.mark.parametrize("mode", [None, 0o644])
def test_host_without_the_program_is_refused_before_it_changes(host: EmulatedHost, mode: int | None) -> None:
    if mode is not None:
        write_program(host, mode)
    result = host.deliver(NEEDS_RUNTIME)
    assert result.returncode == 1
    assert result.stderr == (f"kubewright: w-1: this host has no program {PROGRAM}; install it, or don't\n")
    assert not host.path("/etc/a/a.conf").exists()
    assert host.calls() == []

    write_program(host, 0o755)
    assert host.deliver(NEEDS_RUNTIME).returncode == 0
    assert host.path("/etc/a/a.conf").exists()


def test_host_whose_program_was_removed_keeps_its_files(host: EmulatedHost) -> None:
    write_program(host, 0o755)
    assert host.deliver(NEEDS_RUNTIME).returncode == 0
    host.path(PROGRAM).unlink()
    changed = replace(NEEDS_RUNTIME, files=(replace(NEEDS_RUNTIME.files[0], content="two\n"),))
    assert "this host has no program" in host.deliver(changed).stderr
    assert host.path("/etc/a/a.conf").read_text() == "one\n"


def write_program(host: EmulatedHost, mode: int) -> None:
    host.path(PROGRAM).parent.mkdir(parents=True, exist_ok=True)
    host.path(PROGRAM).write_text("#!/bin/sh\n")
    host.path(PROGRAM).chmod(mode)
