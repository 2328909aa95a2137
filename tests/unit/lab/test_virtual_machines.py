"""Tests of hosts that are virtual machines, without root: their spec, files and command lines."""

from __future__ import annotations

import platform
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from lab import emulator, hosts, lifecycle, root, virtual_machines
from lab.errors import LabError
from lab.paths import LabPaths
from lab.spec import EMULATOR_MEMORY, Instance, LabSpec

HOST = {"name": "w-1", "address": "10.9.0.21", "memory": 2**31, "virtual": True}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabSpec:
    """Return the spec of a lab with one virtual machine, whose state is in a temporary directory."""
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("KUBEWRIGHT_CACHE", str(tmp_path / "cache"))
    return LabSpec.model_validate({"name": "unit", "network": "10.9.0.0/24", "hosts": [HOST]})


def test_memory_limit_includes_the_emulator(lab: LabSpec) -> None:
    assert lab.host("w-1").memory_limit == 2**31 + EMULATOR_MEMORY
    container = lab.host("w-1").model_copy(update={"virtual": False})
    assert container.memory_limit == container.memory


def test_machine_of_a_cloud_is_no_virtual_machine(lab: LabSpec) -> None:
    instance = Instance(id="i-1", hostname="w-1", user_data="")
    wrong = [HOST | {"instance": instance.model_dump()}]
    with pytest.raises(ValueError, match="virtual: machines of an emulated cloud are containers"):
        LabSpec.model_validate({"name": "unit", "network": "10.9.0.0/24", "hosts": wrong})


def test_host_of_another_kind_is_another_machine(lab: LabSpec) -> None:
    host = lab.host("w-1")
    container = host.model_copy(update={"virtual": False})
    assert lifecycle._machine_of(host) != lifecycle._machine_of(container)
    moved = {"address": IPv4Address("10.9.0.22")}
    assert lifecycle._machine_of(host) != lifecycle._machine_of(host.model_copy(update=moved))
    assert lifecycle._machine_of(container) == lifecycle._machine_of(container.model_copy(update=moved))


def test_root_of_virtual_machines_has_a_kernel_and_configures_its_network(tmp_path: Path) -> None:
    unit = tmp_path / "etc/systemd/system"
    (tmp_path / "etc/ssh").mkdir(parents=True)
    root.customize(tmp_path, root.MachineKind.VIRTUAL)
    assert (unit / "multi-user.target.wants/systemd-networkd.service").is_symlink()
    assert not (unit / "systemd-networkd.service").is_symlink()
    assert not (unit / "systemd-modules-load.service").is_symlink()
    assert (unit / "systemd-resolved.service").readlink() == Path("/dev/null")
    keys = {root.cache_key("bookworm", kind) for kind in root.MachineKind}
    assert len(keys) == len(root.MachineKind)


def test_machine_has_its_memory_and_the_hardware_address_of_the_host(lab: LabSpec, tmp_path: Path) -> None:
    (tmp_path / "boot").mkdir()
    for name in ("vmlinuz-6.1.0-cloud-amd64", "initrd.img-6.1.0-cloud-amd64"):
        (tmp_path / "boot" / name).touch()
    options = virtual_machines._options(lab, lab.host("w-1"), tmp_path)
    assert options[options.index("-m") + 1] == "2048M"
    assert str(tmp_path / "boot/vmlinuz-6.1.0-cloud-amd64") in options
    device = next(option for option in options if option.startswith("virtio-net-pci"))
    assert "mac=02:" in device


def test_root_without_a_kernel_is_an_error(lab: LabSpec, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="has no vmlinuz; remove this directory"):
        virtual_machines._options(lab, lab.host("w-1"), tmp_path)


def test_commands_use_ssh_and_keep_their_words(lab: LabSpec) -> None:
    command = virtual_machines.ssh_command("unit", lab.host("w-1"), ["sh", "-c", "echo 'a b'; exit 3"])
    assert command[-3:] == ["root@10.9.0.21", "--", """sh -c 'echo '"'"'a b'"'"'; exit 3'"""]
    assert str(LabPaths.of("unit").user_key) in command
    assert "StrictHostKeyChecking=yes" in command


def test_kind_of_a_host_follows_from_its_disk(lab: LabSpec) -> None:
    assert not virtual_machines.is_virtual("unit", "w-1")
    disk = LabPaths.of("unit").host("w-1") / "disk/root.img"
    disk.parent.mkdir(parents=True)
    disk.touch()
    assert virtual_machines.is_virtual("unit", "w-1")
    with pytest.raises(LabError, match="w-1: does not run"):
        hosts.execute("unit", "w-1", ["true"], stdin="")


def test_other_processors_are_refused(lab: LabSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(LabError, match="x86_64, and this machine is aarch64"):
        emulator.ensure()


def test_emulator_starts_with_the_loader_of_its_packages(tmp_path: Path) -> None:
    for name in (
        "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
        "usr/lib/x86_64-linux-gnu/qemu/accel-tcg-x86_64.so",
        "usr/lib/x86_64-linux-gnu/libfdt.so.1",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = emulator.describe(tmp_path)
    assert found.command[:2] == (
        str(tmp_path / "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
        "--library-path",
    )
    assert str(tmp_path / "usr/lib/x86_64-linux-gnu") in found.command[2].split(":")
    assert found.environment == {"QEMU_MODULE_DIR": str(tmp_path / "usr/lib/x86_64-linux-gnu/qemu")}
