"""Tests of the lab with real hosts: two labs at the same time, faults and their repair, complete removal.

These labs have separate names and address ranges, and state in a temporary directory.
"""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from lab import cgroups, hosts, lifecycle, network
from lab.commands import wait
from lab.errors import LabError
from lab.leftovers import find_leftovers
from lab.paths import LabPaths
from lab.spec import LabHost, LabSpec
from lab.status import status
from testkit import lab_slots
from testkit.lab_slots import LabSlot

MEMORY = 256 * 1024**2


def spec(slot: LabSlot, *names: str) -> LabSpec:
    """Return the spec of a lab with these hosts."""
    lab_hosts: list[dict[str, Any]] = [
        {"name": host, "address": str(IPv4Network(slot.network)[10 + index]), "memory": MEMORY}
        for index, host in enumerate(names)
    ]
    return LabSpec.model_validate({"name": slot.name, "network": slot.network, "hosts": lab_hosts})


def with_hosts(lab: LabSpec, *names: str) -> LabSpec:
    """Return the spec of a lab with the same name and network, and with these hosts."""
    return spec(LabSlot(lab.name, str(lab.network)), *names)


@pytest.fixture(scope="module", name="lab_root")
def _lab_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a state directory for these tests, and remove its labs at the end."""
    if os.geteuid() != 0:
        pytest.fail("tests on real hosts need root: run `make test` as root, or `make test-unit`")
    home = tmp_path_factory.mktemp("lab-state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEWRIGHT_STATE", str(home))
        try:
            yield home
        finally:
            for slot in _slots(home):
                lifecycle.down(slot.name)


def _slots(home: Path) -> tuple[LabSlot, LabSlot]:
    return lab_slots.reserve("kwlab-one", home), lab_slots.reserve("kwlab-two", home)


@pytest.fixture
def first_lab(lab_root: Path) -> LabSpec:
    """Create the first lab with `up`, or repair it if a previous test damaged it. Return its spec."""
    first = spec(_slots(lab_root)[0], "a", "b")
    lifecycle.up(first)
    return first


@pytest.fixture
def second_slot(lab_root: Path) -> LabSlot:
    """Return the name and the network of a second lab."""
    return _slots(lab_root)[1]


def run_on_host(lab: LabSpec, host: str, command: str) -> str:
    """Run a shell command on a host without SSH and return its output."""
    result = hosts.execute(lab.name, host, ["sh", "-c", command], stdin="", timeout=30)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def boot_times(lab: LabSpec) -> dict[str, str]:
    """Return the boot time of each host in kernel ticks."""
    leaders = {host.name: cgroups.init_pid(lab.name, host.name) for host in lab.hosts}
    assert None not in leaders.values()
    return {
        name: Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
        for name, pid in leaders.items()
    }


def ssh(lab: LabSpec, host: LabHost, command: str) -> str:
    """Run a command on a host over SSH and return its output."""
    paths = LabPaths.of(lab.name)
    options = {
        "UserKnownHostsFile": paths.known_hosts,
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        "ConnectTimeout": "5",
    }
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    argv = ["ssh", "-F", "none", "-i", str(paths.user_key), *words, f"root@{host.address}", command]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True).stdout.strip()


def is_healthy(lab: LabSpec, host: str) -> bool:
    """Check whether systemd on a host has finished its start without a failed unit."""
    return run_on_host(lab, host, "systemctl is-system-running || :") == "running"


def test_hosts_accept_the_labs_keys_and_are_healthy(first_lab: LabSpec) -> None:
    for host in first_lab.hosts:
        assert ssh(first_lab, host, "hostname") == host.name
        assert wait(partial(is_healthy, first_lab, host.name), timeout=20, pause=0.2)


def test_second_up_changes_nothing(first_lab: LabSpec) -> None:
    before, messages = boot_times(first_lab), list[str]()
    lifecycle.up(first_lab, on_progress=messages.append)
    assert messages == []
    assert boot_times(first_lab) == before


def test_lab_has_no_outside_access_and_rejects_connections_immediately(first_lab: LabSpec) -> None:
    outside = "timeout 5 bash -c 'exec 3<>/dev/tcp/198.51.100.1/80' 2>&1 || :"
    assert "No route to host" in run_on_host(first_lab, "a", outside)
    # A host has no access through the machine either, which root on the host could configure as a router.
    gateway, own = network.gateway_namespace(first_lab.name), network.host_namespace(first_lab.name, "a")
    route = ["ip", "-n", own, "route", "add", "198.51.100.0/24", "via", str(first_lab.machine)]
    subprocess.run(route, check=True, timeout=10)
    rules = ["ip", "netns", "exec", gateway, "nft", "list", "table", "bridge", "lab"]

    def packets_are_dropped() -> bool:
        run_on_host(first_lab, "a", outside.replace("timeout 5", "timeout 2"))
        shown = subprocess.run(rules, capture_output=True, text=True, check=True, timeout=10).stdout
        return re.search(r"counter packets [1-9]\d* bytes \d+ drop", shown) is not None

    assert wait(packets_are_dropped, timeout=20)
    neighbour = f"timeout 5 bash -c 'exec 3<>/dev/tcp/{first_lab.hosts[1].address}/22' && echo reached"
    assert run_on_host(first_lab, "a", neighbour) == "reached"


def test_memory_limit_is_applied(first_lab: LabSpec) -> None:
    result = hosts.execute(
        first_lab.name,
        "a",
        ["sh", "-c", "head -c 400M /dev/zero | tail -c 400M | wc -c"],
        stdin="",
        timeout=60,
    )
    assert result.stdout.strip() != str(400 * 1024**2)
    a, b = first_lab.hosts
    larger = first_lab.model_copy(update={"hosts": (a.model_copy(update={"memory": 1024**3}), b)})
    before = boot_times(first_lab)
    lifecycle.up(larger)
    assert boot_times(first_lab) == before
    assert run_on_host(first_lab, "a", "head -c 400M /dev/zero | tail -c 400M | wc -c") == str(400 * 1024**2)


def test_stopped_or_disconnected_host_returns_with_its_disk(first_lab: LabSpec) -> None:
    for kill in (False, True):
        run_on_host(first_lab, "b", f"echo kept > /var/lib/etcd/x; echo {kill} > /etc/y; sync")
        lifecycle.stop(first_lab.name, "b", kill=kill)
        assert [row.state for row in status(first_lab.name)] == ["running", "stopped"]
        assert not cgroups.pids(first_lab.name, "b")
        link = [
            "ip",
            "-n",
            network.host_namespace(first_lab.name, "b"),
            "link",
            "add",
            "cni0",
            "type",
            "bridge",
        ]
        subprocess.run(link, check=True, timeout=10)
        lifecycle.start(first_lab.name, "b")
        assert "cni0" not in network.links(network.host_namespace(first_lab.name, "b"))
        assert run_on_host(first_lab, "b", "cat /var/lib/etcd/x /etc/y") == f"kept\n{kill}"
        assert ssh(first_lab, first_lab.hosts[1], "hostname") == "b"


def break_init(lab: LabSpec) -> None:
    """Kill the systemd of a host."""
    leader = cgroups.init_pid(lab.name, "a")
    assert leader is not None
    os.kill(leader, signal.SIGKILL)
    assert wait(lambda: cgroups.init_pid(lab.name, "a") is None, timeout=10)


def break_nspawn(lab: LabSpec) -> None:
    """Kill the systemd-nspawn of a host."""
    for pid in cgroups.pids(lab.name, "a"):
        process = cgroups.read_process(pid)
        if process is not None and process.command == "systemd-nspawn":
            os.kill(pid, signal.SIGKILL)


def break_everything(lab: LabSpec) -> None:
    """Kill all processes of a lab and remove its network."""
    cgroups.kill(lab.name)
    network.remove(lab.name)


def break_network(lab: LabSpec) -> None:
    """Delete the network namespace of the gateway."""
    subprocess.run(["ip", "netns", "del", network.gateway_namespace(lab.name)], check=True, timeout=10)


@pytest.mark.parametrize("damage", [break_init, break_nspawn, break_everything, break_network])
def test_up_repairs_damage(first_lab: LabSpec, damage: Any) -> None:  # noqa: ANN401
    damage(first_lab)
    lifecycle.up(first_lab)
    for host in first_lab.hosts:
        assert ssh(first_lab, host, "hostname") == host.name
    assert {row.state for row in status(first_lab.name)} == {"running"}


def test_hosts_follow_the_specification(first_lab: LabSpec) -> None:
    boot_time = boot_times(first_lab)["a"]
    lifecycle.up(with_hosts(first_lab, "a"))
    assert boot_times(with_hosts(first_lab, "a")) == {"a": boot_time}
    assert network.host_namespace(first_lab.name, "b") not in network.namespaces(first_lab.name)
    assert not LabPaths.of(first_lab.name).host("b").exists()
    lifecycle.up(with_hosts(first_lab, "a", "b", "c"))
    assert boot_times(first_lab)["a"] == boot_time
    assert ssh(first_lab, with_hosts(first_lab, "a", "b", "c").host("c"), "hostname") == "c"


def test_lab_with_the_name_of_another_state_is_refused(
    first_lab: LabSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = boot_times(first_lab)
    with monkeypatch.context() as patch:
        patch.setenv("KUBEWRIGHT_STATE", str(tmp_path))
        with pytest.raises(LabError, match=rf"{first_lab.name}: .* is here already"):
            lifecycle.up(first_lab)
    assert boot_times(first_lab) == before


def test_network_range_of_another_lab_is_refused(first_lab: LabSpec, second_slot: LabSlot) -> None:
    with pytest.raises(LabError, match=rf"{re.escape(str(first_lab.network))} is used already"):
        lifecycle.up(spec(second_slot._replace(network=str(first_lab.network)), "a"))
    assert find_leftovers(second_slot.name) == []


def test_two_labs_are_independent_and_leave_nothing(first_lab: LabSpec, second_slot: LabSlot) -> None:
    before = boot_times(first_lab)
    second = spec(second_slot, "a")
    lifecycle.up(second)
    assert ssh(second, second.hosts[0], "hostname") == "a"
    assert boot_times(first_lab) == before
    os.kill(cgroups.init_pid(second.name, "a") or 0, signal.SIGKILL)  # partly stopped
    assert find_leftovers(second.name) != []
    lifecycle.down(second.name)
    assert find_leftovers(second.name) == []
    assert boot_times(first_lab) == before
    assert ssh(first_lab, first_lab.hosts[0], "hostname") == "a"
    lifecycle.down(first_lab.name)
    assert find_leftovers(first_lab.name) == []
    lifecycle.down(first_lab.name)
