"""Tests of a cluster on emulated AWS: cloud-init runs the program's user data on every machine."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from artifacts import directories
from lab.cloud.aws.metadata import ACCOUNT
from lab.cloud.balancer import set_targets
from lab.cloud.running import ADMIN, RunningMachine, admin_secret
from lab.spec import LabSpec
from testkit.wait import eventually
from tests.clouds.account import ZONES, AwsPluginMocks
from tests.clouds.amazon import REGION, EmulatedAws, MachineLaunch
from tests.clouds.cluster import MEMBERS, READY_SECONDS, CloudCluster, run_controller
from tests.clouds.conftest import lab, mirror
from tests.clouds.controller import Controller
from tests.clouds.deployment import Deployment
from tests.clouds.stolen_credentials import UNAUTHORIZED, RootShell, expect_used_tokens, registered_machines

NAME = "kwaws"
RANGE = "10.123.0.0/16"
GATEWAY = "10.123.0.1"
API = "api.kwaws.internal"
POOL = "general"
ROUND_SECONDS = 10
"""Seconds between two rounds in which a control plane registers tokens."""


def stack_config(ca: Path) -> dict[str, Any]:
    """Return the stack's `kubewright:cluster` for AWS, with the lab's mirror and endpoints."""
    api = f"https://{GATEWAY}:8443"
    return {
        "name": NAME,
        "endpoint": {"host": API},
        "network": {"api_allowed": [RANGE]},
        "control_planes": {"hosts": list(MEMBERS), "machine": {"type": "t3.large", "data_disk": "10Gi"}},
        "pools": {POOL: {"size": {"min": 2, "max": 2}, "machine": {"types": ["m6i.large"]}}},
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


def provider_id(machine: RunningMachine) -> str:
    """Return the provider ID of a machine in the format of the AWS cloud controller."""
    return f"aws:///{machine.zone}/{machine.id}"


@dataclass(frozen=True, kw_only=True)
class AwsCluster(CloudCluster):
    """A cluster on emulated AWS. A test can terminate a machine and launch it again from `launches`."""

    amazon: EmulatedAws
    launches: dict[str, MachineLaunch]


@pytest.fixture(scope="module")
def cluster(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsCluster]:
    """Return a cluster with three control planes and two workers."""
    spec = {"name": NAME, "network": RANGE, "cloud": "aws", "mirror": str(mirror()), "names": {API: GATEWAY}}
    with lab(LabSpec.model_validate(spec)):
        amazon = EmulatedAws(NAME)
        account = AwsPluginMocks(amazon)
        deployment = Deployment(stack_config(amazon.ca), account, deployer_environment(amazon))
        deployment.write_kubeconfig(tmp_path_factory.mktemp("kubeconfig"), GATEWAY)
        # The pool has a group with one machine in each of two zones.
        launches = {launch.host: launch for launch in account.launches(deployment.graph, {})}
        set_targets(NAME, [launches[member].address for member in MEMBERS])
        amazon.launch(*launches.values())
        controller = Controller(cloud=amazon, deployment=deployment, provider_id=provider_id)
        with run_controller(controller):
            deployment.run_commands()
            yield AwsCluster(
                cloud=amazon,
                deployment=deployment,
                hosts={host: launch.address for host, launch in launches.items()},
                node_name=lambda machine: machine.id,
                provider_id=provider_id,
                amazon=amazon,
                launches=launches,
            )


def deployer_environment(amazon: EmulatedAws) -> dict[str, str]:
    """Return the deployer's credentials as environment variables of the program's commands."""
    return {
        "AWS_ACCESS_KEY_ID": ADMIN,
        "AWS_SECRET_ACCESS_KEY": admin_secret(amazon.lab),
        "AWS_CA_BUNDLE": str(amazon.ca),
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PATH": f"{Path(sys.executable).parent}:{directories.cache() / 'bin'}:{os.environ['PATH']}",
    }


def test_every_machine_becomes_a_ready_node(cluster: AwsCluster) -> None:
    eventually("all nodes are Ready", cluster.is_healthy, timeout=READY_SECONDS, interval=3)


def test_group_of_a_pool_is_notified_of_healthy_machines(cluster: AwsCluster) -> None:
    def joined() -> bool:
        return all(cluster.machine(host).released for host in cluster.workers)

    eventually("workers have joined", joined, timeout=120)


def test_no_secret_is_in_the_user_data_or_reaches_a_disk(cluster: AwsCluster) -> None:
    for host, launch in cluster.launches.items():
        assert "PRIVATE KEY" not in launch.user_data
        assert cluster.cloud.run(host, "findmnt -no FSTYPE /etc/kubernetes/pki") == "tmpfs"


def root_shell(cluster: AwsCluster) -> RootShell:
    """Return a root shell on a machine of the pool."""
    prefix = f"joins/arn%3Aaws%3Aec2%3A{REGION}%3A{ACCOUNT}%3Ainstance"
    return RootShell(cluster=cluster, host=cluster.workers[0], api=API, prefix=prefix)


def test_machines_of_a_pool_share_no_token(cluster: AwsCluster) -> None:
    expect_used_tokens(root_shell(cluster), "i-0123456789abcdef0")


def test_root_on_a_machine_of_a_pool_gets_no_certificate_of_another_machine(cluster: AwsCluster) -> None:
    """Test an invented machine, another machine, and a machine that has started and not joined yet."""
    shell, token = root_shell(cluster), "kwtest.0123456789abcdef"
    starting = start_instance(cluster, "pools")
    own, other = (cluster.machine(host).id for host in cluster.workers[:2])
    for victim in ("i-0123456789abcdef0", other, cluster.machine("cp-1").id, starting):
        assert "403" in shell.write_token(victim, token)
        assert "403" in shell.read_token(victim)
        assert UNAUTHORIZED in shell.request(token, victim, "kwtest-stolen")
    # Its own object gives a machine that has joined no token either.
    assert "code 0" in shell.write_token(own, token)
    time.sleep(3 * ROUND_SECONDS)
    assert registered_machines(cluster.deployment) == {}
    assert UNAUTHORIZED in shell.request(token, own, "kwtest-own")


def test_token_of_a_machine_is_for_its_name_and_only_while_ec2_says_that_it_is_new(
    cluster: AwsCluster,
) -> None:
    """Write tokens as the deployer, whom IAM allows it, for machines of EC2 that never boot."""
    store, shell = cluster.amazon.client("s3"), root_shell(cluster)
    (bucket,) = (item["Name"] for item in store.list_buckets()["Buckets"])
    starting, member = start_instance(cluster, "pools"), start_instance(cluster, "members/etcd")
    tokens = {starting: "kwtst1.0123456789abcdef", member: "kwtst2.0123456789abcdef"}
    tokens["i-0123456789abcdef0"] = "kwtst3.0123456789abcdef"
    for machine, token in tokens.items():
        key = f"joins/arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{machine}"
        store.put_object(Bucket=bucket, Key=key, Body=f"{token}\n".encode())

    def registered() -> bool:
        return registered_machines(cluster.deployment) == {starting: "bootstrap-token-kwtst1"}

    eventually("the token of the new machine is registered", registered, timeout=120, interval=3)
    time.sleep(3 * ROUND_SECONDS)
    assert registered()
    other = "i-0123456789abcdef0"
    assert "code 0" in shell.request(tokens[starting], other, "kwtest-other")
    assert "code 0" in shell.request(tokens[starting], starting, "kwtest-starting")

    def conditions(name: str) -> list[dict[str, str]]:
        requests = cluster.deployment.items("certificatesigningrequests")
        (found,) = (item for item in requests if item["metadata"]["name"] == name)
        return list(found["status"].get("conditions", []))

    for name in ("kwtest-other", "kwtest-starting"):
        eventually(f"{name} is answered", partial(conditions, name), timeout=60)
    (denial,) = conditions("kwtest-other")
    assert denial["type"] == "Denied"
    assert f'the token is that of machine "{starting}", not of "{other}"' in denial["message"]
    assert conditions("kwtest-starting")[0]["type"] == "Approved"
    cluster.deployment.kubectl("delete", "secret", "-n", "kube-system", "bootstrap-token-kwtst1")
    cluster.amazon.client("ec2").terminate_instances(InstanceIds=[starting, member])


def start_instance(cluster: AwsCluster, kind: str) -> str:
    """Start an instance of the cluster in EC2 that never boots. Return its id."""
    tags = {"kubewright:cluster": NAME, "kubewright:kind": kind}
    specification = [
        {"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
    ]
    response = cluster.amazon.client("ec2").run_instances(
        ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=specification
    )
    return str(response["Instances"][0]["InstanceId"])


def test_terminated_control_plane_rejoins_with_its_volume_and_address(cluster: AwsCluster) -> None:
    before = cluster.machine("cp-1")
    ids = cluster.etcd_members()
    assert set(ids) == set(MEMBERS)
    cluster.amazon.terminate(before)
    (after,) = cluster.amazon.launch(cluster.launches["cp-1"])
    assert after.address == before.address
    assert after.id != before.id
    rejoined = partial(cluster.has_rejoined, "cp-1", ids)
    eventually("cp-1 has rejoined", rejoined, timeout=READY_SECONDS, interval=3)
    # Controllers of the cloud select control planes by this label.
    labels = cluster.deployment.items("nodes", "--selector=node-role.kubernetes.io/control-plane")
    assert {node["metadata"]["name"] for node in labels} == set(MEMBERS)


def test_terminating_worker_drains_itself(cluster: AwsCluster) -> None:
    host = cluster.workers[0]
    machine = cluster.machine(host)
    cluster.spread_pods()
    cluster.cloud.states.update(machine.id, lifecycle="Terminated", hook="leaving", released=False)
    eventually(f"{host} confirms its termination", lambda: cluster.machine(host).released, timeout=180)
    assert machine.id not in cluster.schedulable_nodes()
    assert cluster.count_pods(machine.id) == 0
