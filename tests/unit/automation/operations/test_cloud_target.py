"""Tests of operations on stacks in a cloud: machines, deliveries, replacement, boot failures."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest

from automation.deliveries import Delivery
from automation.errors import UserError
from automation.operations import replace_machine, status
from automation.operations.delivered import find_deliveries
from automation.operations.health import Observation, find_problems
from automation.operations.host_facts import HostFacts
from automation.operations.remote import ScriptResult
from automation.operations.remove_host import remove_host
from automation.operations.replace import replace
from automation.operations.restore import RestoreHosts
from automation.operations.store_remote import StoreRemote
from automation.operations.target import Target, add_nodes, machine_places
from providers.cloud.requests import CloudFailure, Place
from tests.unit.providers.aws.program import example_settings
from topology.model import Machine, Member, Role, Topology

NODES = (Member("i-1", IPv4Address("10.20.64.9")), Member("i-2", IPv4Address("10.20.64.10")))
PLANES = ("cp-1", "cp-2", "cp-3")


@pytest.fixture(scope="module")
def topology() -> Topology:
    return add_nodes(example_settings()[2], {"general": NODES, "batch": ()})


class Store:
    """The objects of a fake store."""

    def __init__(self) -> None:
        self.objects: dict[str, str] = {}
        self.reads: list[str] = []

    def read(self, key: str) -> str | None:
        self.reads.append(key)
        return self.objects.get(key)

    def remove(self, *keys: str) -> None:
        for key in keys:
            self.objects.pop(key, None)

    def create(self, key: str, text: str) -> bool:
        raise NotImplementedError

    def write(self, key: str, source: BinaryIO) -> None:
        raise NotImplementedError

    def download(self, key: str, target: BinaryIO) -> int:
        raise NotImplementedError


class Machines:
    """The machines of a fake cloud. `rounds` are the nodes of the pool in the next calls, by name."""

    def __init__(self, *, same_name: bool = True) -> None:
        self.store = Store()
        self.same_name = same_name
        self.replaced: list[Place] = []
        self.rounds: list[list[str]] = []

    def nodes(self, pool: str) -> tuple[Member, ...]:
        names = self.rounds.pop(0) if len(self.rounds) > 1 else self.rounds[0]
        return tuple(Member(name, NODES[0].address) for name in names)

    def replace(self, place: Place) -> bool:
        self.replaced.append(place)
        return self.same_name

    def console(self, place: Place) -> str:
        return ""


class Remote(StoreRemote):
    """Machines that answer every script with success, except those in `silent`."""

    def __init__(self, machines: Machines, topology: Topology, silent: tuple[str, ...] = ()) -> None:
        super().__init__(lambda: machines, machine_places(topology))
        self.silent = silent
        self.scripts: list[tuple[str, str]] = []

    def run(
        self, host: str, script: str, *, stdin: str | bytes = "", timeout: float = 60, root: bool = True
    ) -> ScriptResult:
        self.scripts.append((host, script))
        lost = host in self.silent
        return ScriptResult(host, 255 if lost else 0, "", "silent" if lost else "", reached=not lost)


def target(topology: Topology, remote: StoreRemote) -> Target:
    values: dict[str, Any] = {"stack": "prod", "environment": None, "settings": None, "engine": None}
    return Target(**values, topology=topology, remote=remote)


class TestMachinesOfPools:
    def test_they_are_hosts_with_the_role_node(self, topology: Topology) -> None:
        machines = {machine.name: machine for machine in topology.machines}
        assert [*machines] == [*PLANES, "i-1", "i-2"]
        assert machines["i-1"] == Machine("i-1", NODES[0].address, (Role.NODE,), "general")
        (general,) = (pool for pool in topology.pools if pool.name == "general")
        assert general.nodes == NODES

    def test_each_machine_has_its_place_in_the_store(self, topology: Topology) -> None:
        places = machine_places(topology)
        assert places["cp-2"] == Place("members/control-plane", "cp-2")
        assert places["i-2"] == Place("pools", "general", "i-2")
        assert len({place.response for place in places.values()}) == len(places)


class TestDeliveries:
    def test_they_are_the_objects_that_machines_fetch(self, topology: Topology) -> None:
        machines = Machines()
        objects = {"pools/general/node": "node", "members/control-plane/cp-1/etcd": "etcd"}
        for prefix, text in objects.items():
            machines.store.objects |= {f"{prefix}.sh": f"script {text}", f"{prefix}.payload": f"keys {text}"}
        found = find_deliveries(target(topology, Remote(machines, topology)))
        assert [(item.host, item.role, item.script, item.stdin) for item in found] == [
            ("cp-1", Role.ETCD, "script etcd", "keys etcd"),
            ("i-1", Role.NODE, "script node", "keys node"),
            ("i-2", Role.NODE, "script node", "keys node"),
        ]
        assert machines.store.reads.count("pools/general/node.payload") == 1

    def test_an_empty_store_is_an_error(self, topology: Topology) -> None:
        with pytest.raises(UserError, match="stack prod: nothing was delivered yet; run `up` first"):
            find_deliveries(target(topology, Remote(Machines(), topology)))

    def test_a_store_that_does_not_answer_is_an_error(self, topology: Topology) -> None:
        def refuse() -> Machines:
            raise CloudFailure("NoCredentials")

        remote = StoreRemote(refuse, machine_places(topology))
        with pytest.raises(UserError, match="the store of the cluster cannot be read: NoCredentials"):
            find_deliveries(target(topology, remote))


class TestReplacement:
    @pytest.fixture(autouse=True)
    def no_pause(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setattr(replace_machine, "_INTERVAL_SECONDS", 0)
        return iter(())

    def statuses(self, machines: Machines, place: Place, text: str, *roles: Role) -> None:
        machines.store.objects |= {place.status(role): f"{text}\n" for role in roles}

    def test_a_member_is_replaced_while_the_others_have_a_quorum(
        self, topology: Topology, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        machines = Machines()
        place, roles = machine_places(topology)["cp-1"], (Role.ETCD, Role.CONTROL_PLANE, Role.NODE)
        self.statuses(machines, place, "old", *roles)
        machines.store.objects[place.error] = "2026-11-21T12:00:00Z: no volume\n"
        looks: list[int] = []

        def boot(_: float) -> None:
            looks.append(len(machines.store.objects))
            machines.store.objects.pop(place.error, None)
            self.statuses(machines, place, "new", *roles[: len(looks)])

        monkeypatch.setattr(replace_machine, "time", SimpleNamespace(sleep=boot, monotonic=lambda: 0.0))
        with pytest.raises(UserError, match="etcd: 1 of the other members are healthy, 2 are needed"):
            replace(target(topology, Remote(machines, topology, silent=("cp-3",))), "cp-1")
        assert machines.replaced == []
        assert replace(target(topology, Remote(machines, topology)), "cp-1") == 0
        assert machines.replaced == [place]
        assert looks == [1, 1, 2]
        assert capsys.readouterr().out == (
            "cp-1: the cloud replaces the machine\ncp-1: 2026-11-21T12:00:00Z: no volume\ncp-1: replaced\n"
        )

    def test_a_machine_of_a_pool_has_a_successor(
        self, topology: Topology, capsys: pytest.CaptureFixture[str]
    ) -> None:
        machines = Machines(same_name=False)
        machines.rounds = [["i-1", "i-2"], ["i-1", "i-2"], ["i-2"], ["i-2", "i-3"]]
        self.statuses(machines, Place("pools", "general", "i-3"), "new", Role.NODE)
        remote = Remote(machines, topology)
        assert replace(target(topology, remote), "i-1") == 0
        assert capsys.readouterr().out.endswith("i-1: replaced by i-3\n")
        assert remote.scripts == []

    def test_the_node_of_a_machine_that_keeps_its_name_is_deleted(self, topology: Topology) -> None:
        machines = Machines()
        machines.rounds = [["i-1", "i-2"]]
        place = Place("pools", "general", "i-1")
        self.statuses(machines, place, "old", Role.NODE)
        remote = Remote(machines, topology)

        def boot(host: str, script: str, **_: object) -> ScriptResult:
            assert machines.store.objects == {}
            self.statuses(machines, place, "new", Role.NODE)
            remote.scripts.append((host, script))
            return ScriptResult(host, 0, "", "")

        remote.run = boot  # type: ignore[method-assign]
        assert replace(target(topology, remote), "i-1") == 0
        assert ["delete node i-1" in script for _, script in remote.scripts] == [True]

    def test_a_cloud_that_refuses_is_an_error_and_statuses_stay(self, topology: Topology) -> None:
        machines = Machines()

        def refuse(place: Place) -> bool:
            raise CloudFailure("AccessDenied")

        machines.replace = refuse  # type: ignore[method-assign]
        self.statuses(machines, machine_places(topology)["cp-1"], "old", Role.ETCD)
        with pytest.raises(UserError, match="cp-1: not replaced: AccessDenied"):
            replace(target(topology, Remote(machines, topology)), "cp-1")
        assert len(machines.store.objects) == 1


class TestBootFailures:
    def test_status_has_the_last_failure_of_a_machine_that_answers(self, topology: Topology) -> None:
        machines = Machines()
        machines.store.objects[machine_places(topology)["i-1"].error] = "12:00Z: no store\nline\n"
        machines.store.objects[machine_places(topology)["i-2"].error] = "\n"
        failures = status.boot_failures(Remote(machines, topology), ["cp-1", "i-1", "i-2"])
        assert failures == {"i-1": "12:00Z: no store"}
        observed = Observation(hosts={"i-1": HostFacts()}, boot_failures=failures)
        problems = [item for item in find_problems(topology, observed) if item.subject == "i-1"]
        assert problems[0].message == (
            "does not boot: 12:00Z: no store; see `kubewright logs --host i-1 --unit kubewright-boot`"
        )

    def test_a_store_that_refuses_a_read_does_not_end_the_command(self, topology: Topology) -> None:
        def refuse(key: str) -> str:
            raise CloudFailure("AccessDenied")

        machines = Machines()
        machines.store.read = refuse  # type: ignore[method-assign]
        assert status.boot_failures(Remote(machines, topology), ["cp-1"]) == {}


def test_a_member_of_a_cloud_is_not_removed_by_a_command(topology: Topology) -> None:
    with pytest.raises(
        UserError, match="remove the member from the stack file and run `kubewright up --stack"
    ):
        remove_host(target(topology, Remote(Machines(), topology)), "cp-3")


class TestRestore:
    def test_machines_of_pools_deliver_to_themselves(self, topology: Topology) -> None:
        remote = Remote(Machines(), topology)
        hosts = RestoreHosts(target(topology, remote), "00", "t")
        deliveries = [Delivery(name, Role.NODE, "", "") for name in ("cp-1", "i-1")]
        assert [delivery.host for delivery in hosts.missing_deliveries(deliveries)] == ["cp-1"]

    def test_their_kubelets_restart_if_they_have_one(self, topology: Topology) -> None:
        remote = Remote(Machines(), topology)
        assert RestoreHosts(target(topology, remote), "00", "t").restore_nodes(missing=[]) == 0
        scripts = dict(remote.scripts)
        assert set(scripts) == {*PLANES, "i-1", "i-2"}
        guard = "[ -e /etc/systemd/system/kubelet.service ] || exit 0\n"
        assert scripts["i-1"] == guard + scripts["cp-1"]
        assert scripts["cp-1"].startswith("step=restart-kubelet\n")
