"""Tests of the conversion from settings to a topology."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from assembly import build_topology, registry_credentials
from settings import load
from tests.unit.settings.support import HIGHLY_AVAILABLE, ONE_HOST, TWO_WORKERS, with_edits
from topology.model import Endpoint, Member, Role
from topology.rotations import Rotation
from topology.taints import Taint, TaintEffect

CA = "-----BEGIN CERTIFICATE-----\n"


def test_single_machine_has_all_roles() -> None:
    topology = build_topology(load(ONE_HOST))
    (machine,) = topology.machines
    assert machine.roles == (Role.ETCD, Role.CONTROL_PLANE, Role.NODE)
    assert machine.size is not None
    assert (machine.size.cpus, machine.size.memory) == (2, 4 * 1024**3)
    assert topology.pools[0].taints == ()
    assert topology.endpoint == Endpoint("10.0.0.5", 6443)


def test_control_planes_and_workers() -> None:
    topology = build_topology(load(TWO_WORKERS))
    assert [(machine.name, machine.pool) for machine in topology.machines] == [
        ("cp-1", "control-plane"),
        ("w-1", "workers"),
        ("w-2", "workers"),
    ]
    control, workers = topology.pools
    assert control.taints == (Taint("node-role.kubernetes.io/control-plane", "", TaintEffect.NO_SCHEDULE),)
    assert control.labels == (("node-role.kubernetes.io/control-plane", ""),)
    assert workers.labels == (("tier", "web"),)
    assert workers.taints == (Taint("a", "b", TaintEffect.NO_SCHEDULE),)
    assert workers.nodes == (
        Member("w-1", IPv4Address("10.89.0.21")),
        Member("w-2", IPv4Address("10.89.0.22")),
    )


def test_highly_available_cluster() -> None:
    topology = build_topology(load(HIGHLY_AVAILABLE))
    assert topology.etcd == topology.control_planes
    assert [member.name for member in topology.load_balancers] == ["lb-1", "lb-2"]
    balancer = next(machine for machine in topology.machines if machine.name == "lb-1")
    assert (balancer.roles, balancer.pool) == ((Role.LOAD_BALANCER,), "")


def test_etcd_on_separate_hosts() -> None:
    hosts = {f"metal.hosts.e-{number}": {"address": f"10.0.0.{40 + number}"} for number in range(3)}
    edits = {"etcd.hosts": ["e-0", "e-1", "e-2"], **hosts}
    topology = build_topology(load(with_edits(HIGHLY_AVAILABLE, edits)))
    assert [machine.roles for machine in topology.machines if machine.name.startswith("e-")] == [
        (Role.ETCD,)
    ] * 3
    assert not any(Role.ETCD in machine.roles for machine in topology.machines if machine.pool)


def test_kubelet_settings_of_a_pool_override_cluster_and_defaults() -> None:
    edits = {
        "kubelet": {"max_pods": 60, "system_reserved": {"memory": "300Mi"}},
        "pools.workers.kubelet": {"max_pods": 50, "system_reserved": {"cpu": 1}},
    }
    control, workers = build_topology(load(with_edits(TWO_WORKERS, edits))).pools
    assert (control.kubelet.max_pods, workers.kubelet.max_pods) == (60, 50)
    assert workers.kubelet.system_reserved == (("cpu", "1"), ("memory", "300Mi"))
    assert control.kubelet.kube_reserved == (("cpu", "200m"), ("memory", "250Mi"))
    assert dict(control.kubelet.eviction_hard)["memory.available"] == "1Gi"
    assert dict(control.kubelet.eviction_hard)["nodefs.available"] == "1Gi"


def test_additional_worker_changes_nothing_else() -> None:
    edits = {"pools.workers.hosts": ["w-1", "w-2", "w-3"], "metal.hosts.w-3": {"address": "10.89.0.23"}}
    before, after = build_topology(load(TWO_WORKERS)), build_topology(load(with_edits(TWO_WORKERS, edits)))
    assert after.machines[:3] == before.machines
    assert after.pools[0] == before.pools[0]
    assert after.network == before.network


def test_registry_has_its_authority_and_names_its_secret() -> None:
    registry = {"ca_file": "/ca.crt", "username": "me", "password": "pw", "endpoint": "https://r.example/"}
    settings = load(with_edits(TWO_WORKERS, {"registries._default": registry}))
    (topology,) = build_topology(settings, files={"/ca.crt": CA}).registries
    assert (topology.ca, topology.credentials, topology.endpoint) == (
        CA,
        "registry-_default",
        "https://r.example",
    )
    assert registry_credentials(settings) == {"registry-_default": ("me", "pw")}
    with pytest.raises(KeyError):
        build_topology(settings, files={})


def test_topology_has_all_ssh_ports() -> None:
    edits = {"metal.ssh.port": 2222, "metal.hosts.w-1.ssh": {"port": 2022}}
    assert build_topology(load(with_edits(TWO_WORKERS, edits))).network.ssh_ports == (2022, 2222)


def test_separate_endpoint() -> None:
    topology = build_topology(
        load(with_edits(TWO_WORKERS, {"endpoint": {"host": "api.example", "port": 443}}))
    )
    assert topology.endpoint.url == "https://api.example:443"


@pytest.mark.parametrize(
    ("section", "rotation"),
    [
        ({"generation": 2, "stage": "trust"}, Rotation(signing=1, trusted=(1, 2))),
        ({"generation": 2, "stage": "sign"}, Rotation(signing=2, trusted=(1, 2))),
        ({"generation": 2}, Rotation(signing=2, trusted=(2,))),
        ({"generation": 5, "stage": "trust"}, Rotation(signing=4, trusted=(4, 5))),
        ({"generation": 1}, Rotation()),
    ],
)
def test_stages_of_a_rotation(section: dict[str, object], rotation: Rotation) -> None:
    raw = with_edits(
        TWO_WORKERS, {"certificates": {"authorities": {"etcd": section}, "service_account": section}}
    )
    certificates = build_topology(load(raw)).certificates
    assert certificates.rotation("etcd") == certificates.rotation("service-account") == rotation
    assert certificates.rotation("kubernetes") == Rotation()
    # Settings that equal the defaults must not change a cluster.
    assert bool(certificates.rotations) == (rotation != Rotation())
