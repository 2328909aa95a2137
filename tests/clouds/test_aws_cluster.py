"""A cluster on AWS, as far as a lab can tell: cloud-init runs the program's user data on every machine."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from artifacts.cache import default_root
from lab.cloud.balancer import set_targets
from lab.cloud.running import ADMIN, Running, admin_secret
from lab.spec import LabSpec
from tests.clouds.account import ZONES, Account
from tests.clouds.amazon import REGION, Amazon, Launch
from tests.clouds.conftest import lab
from tests.clouds.controller import Controller
from tests.clouds.deployment import Deployment
from tests.support.wait import eventually

NAME = "kwaws"
RANGE = "10.123.0.0/16"
GATEWAY = "10.123.0.1"
API = "api.kwaws.internal"
MEMBERS = ("cp-1", "cp-2", "cp-3")
POOL = "general"
READY_SECONDS = 420


def description(ca: Path) -> dict[str, Any]:
    """The stack's `kubewright:cluster`: as on AWS, with the lab's mirror and endpoints."""
    api = f"https://{GATEWAY}:8443"
    return {
        "name": NAME,
        "endpoint": {"host": API},
        "network": {"api_allowed": [RANGE]},
        "control_planes": {"hosts": list(MEMBERS), "machine": {"type": "t3.large", "data_disk": "1Gi"}},
        "pools": {POOL: {"size": {"min": 2, "max": 5}, "machine": {"types": ["m6i.large"]}}},
        "artifacts": {"mirror": f"https://{GATEWAY}:8080", "ca_file": str(ca)},
        "registries": {"_default": {"endpoint": f"https://{GATEWAY}:5000", "ca_file": str(ca)}},
        "aws": {
            "region": REGION,
            "zones": list(ZONES),
            "network": {"range": RANGE},
            "image": {"owner": "136693071363", "name": "debian-12-amd64-*"},
            "endpoints": {
                "s3": api,
                "ec2": api,
                "autoscaling": api,
                "metadata": f"http://{GATEWAY}:8169",
                "ca_file": str(ca),
            },
            "quotas": {"vcpus": 64, "addresses": 10},
        },
    }


@dataclass
class Cluster:
    """What the tests look at."""

    amazon: Amazon
    deployment: Deployment
    launches: dict[str, Launch]

    def machine(self, host: str) -> Running:
        """The machine that runs now in the place of that host."""
        return self.amazon.at(self.launches[host].address)

    def ready(self) -> set[str]:
        """Names of the nodes that are Ready, and known to the cloud."""
        return {
            node["metadata"]["name"]
            for node in self.deployment.items("nodes")
            if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
            and not any("uninitialized" in taint["key"] for taint in node["spec"].get("taints", []))
        }

    @property
    def nodes(self) -> set[str]:
        """Names that all nodes have: members theirs, workers their machine's id."""
        workers = {self.machine(host).id for host in self.launches if host not in MEMBERS}
        return {*MEMBERS, *workers}

    def whole(self) -> bool:
        """Whether exactly the nodes that there should be are Ready."""
        assert self.ready() == self.nodes
        return True

    def etcd_members(self) -> dict[str, str]:
        """Names and ids of etcd's members, as one of them says."""
        say = "etcdctl member list --write-out=json"
        env = "ETCDCTL_ENDPOINTS=https://127.0.0.1:2379 ETCDCTL_CACERT=/etc/etcd/pki/ca.crt"
        keys = "ETCDCTL_CERT=/etc/etcd/pki/server.crt ETCDCTL_KEY=/etc/etcd/pki/server.key"
        found = json.loads(
            self.amazon.run("cp-2", f"PATH=$PATH:/usr/local/lib/kubewright {env} {keys} {say}")
        )
        return {member["name"]: str(member["ID"]) for member in found["members"]}


@pytest.fixture(scope="module")
def cluster(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three control planes and two workers."""
    mirror = Path(os.environ.get("KUBEWRIGHT_TEST_MIRROR", default_root() / "mirror"))
    spec = {"name": NAME, "network": RANGE, "cloud": "aws", "mirror": str(mirror), "names": {API: GATEWAY}}
    with lab(LabSpec.model_validate(spec)):
        amazon = Amazon(NAME)
        account = Account(amazon)
        environment = {
            "AWS_ACCESS_KEY_ID": ADMIN,
            "AWS_SECRET_ACCESS_KEY": admin_secret(NAME),
            "AWS_ENDPOINT_URL": amazon.url,
            "AWS_CA_BUNDLE": str(amazon.ca),
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PATH": f"{default_root() / 'bin'}:{os.environ['PATH']}",
        }
        deployment = Deployment(description(amazon.ca), account, environment)
        deployment.use(tmp_path_factory.mktemp("kubeconfig"), GATEWAY)
        launches = account.launches(deployment.graph, {f"{NAME}-{POOL}": 2})
        set_targets(NAME, [launch.address for launch in launches if launch.host in MEMBERS])
        machines = amazon.launch(*launches)
        for machine in machines:
            if machine.host not in MEMBERS:
                amazon.fleet.tell(machine.id, hook="joining")
        stop = threading.Event()
        ids = Controller(site=amazon, deployment=deployment, provider_id=provider_id)
        controller = threading.Thread(target=ids.run, args=(stop,), daemon=True)
        controller.start()
        try:
            deployment.finish()
            yield Cluster(amazon, deployment, {launch.host: launch for launch in launches})
        finally:
            stop.set()
            controller.join(timeout=60)


def provider_id(machine: Running) -> str:
    """What the AWS cloud controller calls a machine."""
    return f"aws:///{machine.zone}/{machine.id}"


def test_every_machine_becomes_a_ready_node(cluster: Cluster) -> None:
    eventually("all nodes are Ready", cluster.whole, timeout=READY_SECONDS, interval=3)
    for node in cluster.deployment.items("nodes"):
        machine = next(
            each for each in cluster.amazon.fleet.all() if provider_id(each) == node["spec"]["providerID"]
        )
        assert node["status"]["addresses"][0]["address"] == machine.address


def test_the_group_of_a_pool_is_told_that_its_machines_are_healthy(cluster: Cluster) -> None:
    for host in cluster.launches:
        if host not in MEMBERS:
            eventually(f"{host} has joined", lambda host=host: cluster.machine(host).released, timeout=60)  # type: ignore[misc]


def test_no_secret_reaches_a_disk_or_the_user_data(cluster: Cluster) -> None:
    for host, launch in cluster.launches.items():
        assert "PRIVATE KEY" not in launch.user_data
        kind = cluster.amazon.run(host, "findmnt -no FSTYPE /etc/kubernetes/pki")
        assert kind == "tmpfs"


def test_a_control_plane_thrown_away_rejoins_with_its_volume_and_address(cluster: Cluster) -> None:
    before, launch = cluster.machine("cp-1"), cluster.launches["cp-1"]
    ids = cluster.etcd_members()
    assert set(ids) == set(MEMBERS)
    cluster.amazon.terminate(before)
    (after,) = cluster.amazon.launch(launch)
    assert (after.address, after.id != before.id) == (before.address, True)

    def back() -> bool:
        nodes = {node["metadata"]["name"]: node for node in cluster.deployment.items("nodes")}
        return cluster.whole() and nodes["cp-1"]["spec"].get("providerID") == provider_id(after)

    eventually("cp-1 is a Ready node again", back, timeout=READY_SECONDS, interval=3)
    assert cluster.etcd_members() == ids


def test_a_worker_that_is_told_to_go_drains_itself(cluster: Cluster) -> None:
    host = next(host for host in cluster.launches if host not in MEMBERS)
    machine = cluster.machine(host)
    cluster.amazon.fleet.tell(machine.id, lifecycle="Terminated", hook="leaving", released=False)
    eventually(f"{host} lets itself go", lambda: cluster.machine(host).released, timeout=180)
    names = {
        node["metadata"]["name"]
        for node in cluster.deployment.items("nodes")
        if not node["spec"].get("unschedulable")
    }
    assert machine.id not in names
