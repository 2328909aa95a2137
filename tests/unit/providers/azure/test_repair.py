"""Tests of the repair of an unhealthy machine on Azure in place, by the boot program and the host program."""

from __future__ import annotations

import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from nodeconfig.bundle import Artifact
from testkit.boot import CLOUD_FUNCTIONS, BootMachine, bundle, put_bundles
from tests.unit.components.graph import Graph, Json
from tests.unit.providers.azure.program import custom_data, graph, nested_value
from tests.unit.providers.program import section
from topology.model import Role

CLOUD_PART = Path(__file__).resolve().parents[4] / "providers/azure/boot.sh"
TOOL = "the tool\n"
LINK = "usr/local/lib/kubewright/bin/tool"
REPAIR_SECONDS = 900
STOP, START = "stop kubewright-boot.service", "start kubewright-boot.service"


@pytest.fixture
def member(tmp_path: Path) -> BootMachine:
    """Return a healthy control plane. It is unhealthy while the file `dead` exists."""
    machine = BootMachine(tmp_path)
    # The emulated cloud replaces identity and store. The repair is Azure's.
    machine.cloud_functions.write_text(f"{CLOUD_PART.read_text()}\n{CLOUD_FUNCTIONS}")
    digest = sha256(TOOL.encode()).hexdigest()
    machine.put(f"artifacts/tool/1.0/{digest}", TOOL)
    tool = Artifact("tool", "store:tool/1.0", digest, f"/{LINK}")
    role = replace(bundle(Role.CONTROL_PLANE, ready='[ ! -e "$FAKE/dead" ]'), artifacts=(tool,))
    member = {"KIND": "members/control-plane", "UNIT": "cp-1", "ROLES": "control-plane", "BOOT_NAME": "cp-1"}
    config = put_bundles(machine, "members/control-plane/cp-1", role)
    machine.write_user_data(**member, DIGEST=config, REPAIR_SECONDS=str(REPAIR_SECONDS))
    for command in ("", "deliver", "repair"):
        result = machine.run(command)
        assert result.returncode == 0, result.stderr
    machine.calls()
    return machine


def fail_for(member: BootMachine, seconds: int) -> None:
    """Make the control plane unhealthy, and the machine notice this a time ago."""
    (member.fake / "dead").touch()
    (member.root / "run/kubewright-boot/unhealthy").write_text(f"{int(time.time()) - seconds}\n")


def test_damaged_program_is_fetched_again_after_the_configured_time(member: BootMachine) -> None:
    tool = member.root / LINK
    tool.resolve().write_text("")
    fail_for(member, REPAIR_SECONDS - 60)
    assert member.run("repair").returncode == 0
    assert member.calls() == []
    fail_for(member, REPAIR_SECONDS)
    result = member.run("repair")
    assert result.returncode == 0, result.stderr
    assert "tool is damaged on this host: it is installed again" in result.stdout
    assert member.calls() == [STOP, START]
    (member.fake / "dead").unlink()
    assert member.run("deliver").returncode == 0
    assert tool.read_text() == TOOL
    assert "restart control-plane.service" in member.calls()
    assert member.run("repair").returncode == 0
    assert member.calls() == []


def test_time_until_the_next_repair_begins_with_a_repair(member: BootMachine) -> None:
    """A repair whose delivery does not make the machine healthy is started again."""
    fail_for(member, REPAIR_SECONDS)
    for expected in ([STOP, START], []):
        assert member.run("repair").returncode == 0
        assert member.calls() == expected
    fail_for(member, REPAIR_SECONDS)
    assert member.run("repair").returncode == 0
    assert member.calls() == [STOP, START]


def test_boot_starts_again_when_damaged_files_cannot_be_found(member: BootMachine) -> None:
    fail_for(member, REPAIR_SECONDS)
    host = "well() { false; }\nothers_well() { :; }\nprepare_repair() { exit 1; }\n"
    (member.root / "var/lib/kubewright/host.sh").write_text(host)
    result = member.run("repair")
    assert result.returncode == 0, result.stderr
    assert "damaged files may remain on this machine" in result.stderr
    assert member.calls() == [STOP, START]


def test_changed_time_is_one_line_of_the_custom_data_of_each_machine() -> None:
    def edit(cluster: Json) -> None:
        section(cluster, "azure")["repair_after"] = "20m"

    before, after = boot_programs(graph()), boot_programs(graph(edit))
    assert len(before) >= 6
    for name, lines in before.items():
        assert set(lines) - set(after[name]) == {f"REPAIR_SECONDS={REPAIR_SECONDS}"}
        assert set(after[name]) - set(lines) == {"REPAIR_SECONDS=1200"}


def boot_programs(resources: Graph) -> dict[str, list[str]]:
    """Return the lines of the boot programs of members and pools by the name of the resource."""
    profiles = {node.name: node.inputs["osProfile"] for node in resources.of_type("compute:VirtualMachine")}
    for node in resources.of_type(":VirtualMachineScaleSet"):
        profiles[node.name] = nested_value(node.inputs, "virtualMachineProfile", "osProfile")
    return {name: custom_data(profile).splitlines() for name, profile in profiles.items()}
