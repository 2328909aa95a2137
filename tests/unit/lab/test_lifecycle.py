"""Tests of changes of the hosts of a lab, without hosts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from lab import keys, lifecycle, locks, spec
from lab.cloud.machines import Launch, remove_machines, start_machines
from lab.cloud.running import MachineStates, RunningMachine
from lab.paths import LabPaths
from lab.spec import LabHost, LabSpec

LAB = "unit"


class Hosts:
    """The hosts of a lab in memory: those that run."""

    def __init__(self) -> None:
        self.running: set[str] = set()

    def ensure(self, _: LabSpec, host: LabHost, *__: object) -> None:
        self.running.add(host.name)

    def remove_obsolete(self, desired: LabSpec, *_: object) -> None:
        self.running &= {host.name for host in desired.hosts}


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    """Return the hosts of a lab on an emulated cloud, which has none."""
    hosts = Hosts()
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path))
    monkeypatch.setattr(locks, "DIRECTORY", tmp_path / "locks")
    monkeypatch.setattr(lifecycle, "_ensure_root_directories", lambda _: {})
    monkeypatch.setattr(lifecycle, "_remove_obsolete_hosts", hosts.remove_obsolete)
    monkeypatch.setattr(lifecycle, "_ensure_host", hosts.ensure)
    monkeypatch.setattr(keys, "ensure", lambda _: None)
    LabPaths.of(LAB).root.mkdir(parents=True)
    empty = LabSpec.model_validate({"name": LAB, "network": "10.9.0.0/24", "cloud": "aws"})
    spec.write(empty, LabPaths.of(LAB).spec)
    return hosts


def machine(number: int) -> RunningMachine:
    return RunningMachine(
        id=f"i-{number}",
        host=f"pool-{number}",
        address=f"10.9.0.{number}",
        hostname=f"ip-{number}",
        zone="a",
        region="x",
        identity="role",
        group="pool",
    )


def start(numbers: Iterable[int]) -> None:
    start_machines(LAB, [Launch(machine(number), "#!/bin/sh\n") for number in numbers])


def test_started_machines_boot(hosts: Hosts) -> None:
    start((11, 12))
    assert hosts.running == {"pool-11", "pool-12"}
    assert {item.host for item in MachineStates.of(LAB).all()} == hosts.running


def test_machine_without_power_stays_off_when_others_start_and_end(hosts: Hosts) -> None:
    start((11, 12))
    hosts.running.discard("pool-11")
    start((13,))
    assert hosts.running == {"pool-12", "pool-13"}
    remove_machines(LAB, [machine(12)])
    assert hosts.running == {"pool-13"}
    assert [host.name for host in lifecycle.load(LAB).hosts] == ["pool-11", "pool-13"]


def test_machine_whose_start_failed_boots_when_it_starts_again(hosts: Hosts) -> None:
    start((11,))
    hosts.running.clear()
    start((11,))
    assert hosts.running == {"pool-11"}
