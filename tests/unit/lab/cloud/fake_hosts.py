"""Hosts of a lab that only exist in memory, for tests of the programs that start machines."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from lab import hosts, volumes
from lab.cloud.azure import group_machines as azure
from lab.cloud.running import MachineStates, RunningMachine


class FakeHosts:
    """Hosts of a lab that only exist in this object. `programs` are their user data by name."""

    def __init__(self) -> None:
        self.programs: dict[str, str] = {}
        self.healthy = True
        self.disks: list[tuple[str, str, str]] = []
        self.reimaged: list[str] = []

    def start(self, lab: str, launches: Any) -> None:  # noqa: ANN401
        for launch in launches:
            MachineStates.of(lab).add(launch.machine)
            self.programs[launch.machine.host] = launch.user_data

    def remove(self, lab: str, machines: Any) -> None:  # noqa: ANN401
        for machine in machines:
            self.programs.pop(machine.host, None)
            MachineStates.of(lab).remove(machine.id)

    def reimage(self, lab: str, machine: RunningMachine) -> None:
        self.reimaged.append(machine.host)
        MachineStates.of(lab).update(machine.id, reimage=False)

    def runs(self, lab: str, machine: RunningMachine) -> bool:
        return machine.host in self.programs

    def execute(self, *_: object, **__: object) -> SimpleNamespace:
        state = "Healthy" if self.healthy else "Unhealthy"
        return SimpleNamespace(stdout=f'{{"ApplicationHealthState": "{state}"}}', returncode=0)

    def attach(self, lab: str, disk: str, host: str, links: list[str]) -> None:
        self.disks.append((disk, host, links[0]))


def use_fake_hosts(program: ModuleType, state: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHosts:
    """Replace the hosts of the program that starts the machines of an emulated cloud.

    `state` is the state directory of the lab.
    """
    fake = FakeHosts()
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(state))
    monkeypatch.setattr(program, "start_machines", fake.start)
    monkeypatch.setattr(program, "remove_machines", fake.remove)
    monkeypatch.setattr(program, "runs", fake.runs)
    return fake


def use_fake_azure_hosts(state: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHosts:
    """Replace the hosts and volumes of the emulated Azure."""
    fake = use_fake_hosts(azure, state, monkeypatch)
    monkeypatch.setattr(azure, "reimage_machine", fake.reimage)
    monkeypatch.setattr(hosts, "execute", fake.execute)
    monkeypatch.setattr(volumes, "create", lambda *_: None)
    monkeypatch.setattr(volumes, "attach", fake.attach)
    return fake
