"""Tests that the rules accept values at their limits. The files wrong_*.py have values beyond the limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from settings import load
from tests.unit.settings.support import HIGHLY_AVAILABLE, ONE_HOST, TWO_WORKERS, with_edits, with_workers
from tests.unit.settings.wrong_clouds import AWS, AZURE

ECR = {"account": "123456789012", "region": "eu-central-1"}
ECR_HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
MIRROR = {"endpoint": "https://mirror.example"}
PORT: dict[str, object] = {"sources": ["10.0.0.0/8"], "because": "metrics"}


@pytest.mark.parametrize(
    "edits",
    [
        {"network.mtu": 1280},
        {"network.mtu": 9216},
        {"network.services": "10.96.0.0/12"},
        {"network.services": "10.96.0.0/26"},
        {"network.pods": "11.0.0.0/10", "network.node_prefix": 26, "kubelet.max_pods": 62},
        {"network.node_prefix": 26, "pools.workers.kubelet.max_pods": 62, "kubelet.max_pods": 62},
        {"network.node_ports": "30000-30000"},
        {"network.node_ports": "10260-10260", "metal.ssh.port": 10261},
        *(
            {"network.ports": {"a": PORT | {"port": "9100-9200"}, "b": PORT | other}}
            for other in (
                {"port": "9050-9099"},
                {"port": "9201-9210"},
                {"port": 9150, "protocol": "udp"},
                {"port": 9150, "roles": ["control-plane"]},
            )
        ),
        # Ports of components that the cluster does not have
        {"network.ports": {"cache": PORT | {"port": "9253-9256"}}},
        {"network.node_ports": "9250-9260"},
        {"metal.ssh.port": 9254},
        {"network.cni": "none", "network.ports": {"overlay": PORT | {"port": 8472, "protocol": "udp"}}},
        {"access.bindings.all": {"cluster_role": "view", "service_accounts": ["ci/deployer"]}},
        {"certificates.authorities": {"kubelet-serving": {"stage": "trust"}}},
        {"api.event_ttl": "1s"},
        {"pools.workers.max_unavailable": 1},
        {"pools.workers.hosts": ["w-1"], "pools.other.hosts": ["w-2"]},
        {"etcd.hosts": ["cp-1", "w-1", "w-2"]},
        {"metal.ssh.port": 29999},
        {"metal.ssh.port": 32768},
        {"metal.ssh.port": 22},
        {"metal.hosts.w-1.address": "10.89.0.1"},
        {"metal.hosts.w-1.address": "10.89.0.254"},
        {"pools.workers.labels": {"node.kubernetes.io/tier": "web", "example.org/kubernetes.io": "x"}},
        {"pools.workers.labels": {"example.org/sub": "x", "notkubernetes.io/a": "x", "xk8s.io/a": "x"}},
        {"pools.workers.labels": {"node-role.kubernetes.io/web": ""}},
        {"pools.workers.taints": ["a=b:NoSchedule", "a=b:NoExecute", "c=b:NoSchedule"]},
    ],
    ids=str,
)
def test_values_at_the_limits_of_hosts_are_accepted(edits: Mapping[str, object]) -> None:
    load(with_edits(TWO_WORKERS, edits))


def test_range_of_pods_for_one_node_is_accepted() -> None:
    load(with_edits(ONE_HOST, {"network.pods": "10.244.0.0/24", "network.node_prefix": 24}))


@pytest.mark.parametrize("workers", [254, 255])
def test_range_of_pods_for_exactly_all_nodes_is_accepted(workers: int) -> None:
    load(with_edits(with_workers(TWO_WORKERS, workers), {"network.pods": "10.244.0.0/16"}))


@pytest.mark.parametrize("count", [1, 3, 5])
def test_odd_numbers_of_control_planes_are_accepted(count: int) -> None:
    hosts = {f"cp-{number}": {"address": f"10.0.0.{number}"} for number in range(1, count + 1)}
    load(
        with_edits(
            ONE_HOST,
            {
                "control_planes.hosts": list(hosts),
                "metal.hosts": hosts,
                "endpoint": {"host": "10.0.0.100"} if count > 1 else {"host": "10.0.0.1"},
            },
        )
    )


@pytest.mark.parametrize(
    "edits",
    [
        {"endpoint": {"host": "10.0.0.1"}},
        {"endpoint": {"host": "10.0.0.254"}},
        {"endpoint": {"host": "10.0.0.100", "port": 443}},
        {"endpoint": {"host": "10.0.0.100", "port": 29999}},
        {"endpoint": {"host": "10.0.0.100", "port": 32768}},
        {"pools.workers.max_unavailable": 2},
    ],
    ids=str,
)
def test_values_at_the_limits_of_load_balancers_are_accepted(edits: Mapping[str, object]) -> None:
    load(with_edits(HIGHLY_AVAILABLE, edits))


@pytest.mark.parametrize(
    "edits",
    [
        {"pools.general.machine.types": ["medium", "large"]},
        {"aws.tags": {f"k{number}": "y" for number in range(30)}},
        {"aws.tags": {"k" * 100: "y" * 256}},
        {"aws.image_registries": [ECR], "registries": {"_default": MIRROR, ECR_HOST: MIRROR}},
        {"aws.image_registries": [ECR], "registries": {"docker.io": MIRROR}},
    ],
    ids=lambda edits: next(iter(edits)),
)
def test_values_at_the_limits_of_aws_are_accepted(edits: Mapping[str, object]) -> None:
    load(with_edits(AWS, edits))


@pytest.mark.parametrize("base", [AWS, AZURE], ids=["aws", "azure"])
@pytest.mark.parametrize(
    "edits",
    [
        {"pools.general.machine.disk": "20Gi"},
        {"control_planes.machine.disk": "20Gi", "control_planes.machine.data_disk": "10Gi"},
        {"pools.general.size": {"min": 0, "max": 1}},
        {"pools.general.size": {"min": 3, "max": 3}},
    ],
    ids=str,
)
def test_values_at_the_limits_of_clouds_are_accepted(
    base: Mapping[str, Any], edits: Mapping[str, object]
) -> None:
    load(with_edits(base, edits))
