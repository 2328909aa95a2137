"""Tests of a cluster on emulated Azure: cloud-init runs the program's custom data on every machine."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from artifacts import directories
from lab import volumes
from lab.cloud.azure.instances import machine_id
from lab.cloud.balancer import set_targets
from lab.cloud.running import RunningMachine, admin_secret
from lab.spec import LabSpec
from testkit.wait import eventually
from tests.clouds.azure import LOCATION, EmulatedAzure, MachineStart
from tests.clouds.cluster import MEMBERS, READY_SECONDS, CloudCluster, run_controller
from tests.clouds.conftest import lab, mirror
from tests.clouds.controller import Controller
from tests.clouds.deployment import Deployment
from tests.clouds.stolen_credentials import UNAUTHORIZED, expect_used_tokens, registered_machines
from tests.clouds.stolen_joins import AzureRootShell
from tests.clouds.subscription import SUBSCRIPTION, AzurePluginMocks

NAME = "kwazure"
RANGE = "10.128.0.0/16"
GATEWAY = "10.128.0.1"
API = "api.kwazure.internal"
POOL = "general"
ROUND_SECONDS = 10
"""Seconds between two rounds in which a control plane registers tokens."""
TOKEN = "kwtest.0123456789abcdef"


def stack_config(ca: Path) -> dict[str, Any]:
    """Return the stack's `kubewright:cluster` for Azure, with the lab's mirror and endpoints."""
    return {
        "name": NAME,
        "endpoint": {"host": API},
        "network": {"api_allowed": [RANGE]},
        "control_planes": {
            "hosts": list(MEMBERS),
            "machine": {"type": "Standard_D2s_v5", "data_disk": "10Gi"},
        },
        "pools": {
            # The scale set of the third zone has no machines.
            POOL: {"size": {"min": 2, "max": 6}, "machine": {"types": ["Standard_D4s_v5"]}},
        },
        "artifacts": {"mirror": f"https://{GATEWAY}:8080", "ca_file": str(ca)},
        "registries": {"_default": {"endpoint": f"https://{GATEWAY}:5000", "ca_file": str(ca)}},
        "azure": {
            "subscription": SUBSCRIPTION,
            "location": LOCATION,
            "network": {"range": RANGE},
            "image": {"publisher": "Debian", "offer": "debian-12", "sku": "12-gen2"},
            "endpoints": {
                "blob": f"https://{GATEWAY}:8443",
                "metadata": f"http://{GATEWAY}:8169",
                "management": f"https://{GATEWAY}:8443",
                "ca_file": str(ca),
            },
            "quotas": {"vcpus": 64},
            "private_store": True,
        },
    }


def provider_id(machine: RunningMachine) -> str:
    """Return the provider ID of a machine in the format of the Azure cloud controller: the resource group
    is in lower case.
    """
    return f"azure://{machine.id}"


@dataclass(frozen=True, kw_only=True)
class AzureCluster(CloudCluster):
    """A cluster with machines that can be started again."""

    azure: EmulatedAzure
    starts: dict[str, MachineStart]


@pytest.fixture(scope="module")
def cluster(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureCluster]:
    """Return a cluster with three control planes and a worker in each of two zones."""
    spec = {
        "name": NAME,
        "network": RANGE,
        "cloud": "azure",
        "mirror": str(mirror()),
        "names": {API: GATEWAY},
    }
    with lab(LabSpec.model_validate(spec)):
        azure = EmulatedAzure(NAME)
        directory = tmp_path_factory.mktemp("deployer")
        subscription = AzurePluginMocks(azure)
        deployment = Deployment(
            stack_config(azure.ca),
            subscription,
            deployer_environment(azure, directory),
        )
        deployment.write_kubeconfig(directory, GATEWAY)
        starts = {start.machine.host: start for start in subscription.starts(deployment.graph, {})}
        set_targets(NAME, [starts[member].machine.address for member in MEMBERS])
        azure.launch(*starts.values())
        with run_controller(Controller(cloud=azure, deployment=deployment, provider_id=provider_id)):
            deployment.run_commands()
            yield AzureCluster(
                cloud=azure,
                deployment=deployment,
                hosts={host: start.machine.address for host, start in starts.items()},
                node_name=lambda machine: machine.hostname,
                provider_id=provider_id,
                azure=azure,
                starts=starts,
            )


def deployer_environment(azure: EmulatedAzure, directory: Path) -> dict[str, str]:
    """Return the deployer's credentials, which are those of a logged-in `az`."""
    token = {"accessToken": admin_secret(azure.lab), "expiresOn": "2099-01-01 00:00:00.000000"}
    (directory / "token").touch(mode=0o600)
    (directory / "token").write_text(json.dumps(token))
    (directory / "az").write_text(f"#!/bin/sh\nexec cat '{directory}/token'\n")
    (directory / "az").chmod(0o700)
    directories_on_path = (directory, Path(sys.executable).parent, directories.cache() / "bin")
    return {"PATH": ":".join([*map(str, directories_on_path), os.environ["PATH"]])}


def test_every_machine_becomes_a_ready_node(cluster: AzureCluster) -> None:
    eventually("all nodes are Ready", cluster.is_healthy, timeout=READY_SECONDS, interval=3)


def test_no_secret_is_in_the_custom_data_or_reaches_a_disk(cluster: AzureCluster) -> None:
    for host, start in cluster.starts.items():
        assert "PRIVATE KEY" not in start.user_data
        assert cluster.cloud.run(host, "findmnt -no FSTYPE /etc/kubernetes/pki") == "tmpfs"


def test_worker_answers_the_health_extension(cluster: AzureCluster) -> None:
    output = cluster.cloud.run(cluster.workers[0], "curl -sf http://127.0.0.1:10290/")
    assert json.loads(output) == {"ApplicationHealthState": "Healthy"}


def root_shell(cluster: AzureCluster) -> AzureRootShell:
    """Return a root shell on a machine of the pool."""
    return AzureRootShell(cluster=cluster, host=cluster.workers[0], api=API, prefix="")


def expect_nothing_registered(cluster: AzureCluster, reason: str) -> None:
    """Fail unless all control planes refuse a token for a reason, and no token of a machine is registered."""

    def refused() -> bool:
        journals = [
            cluster.cloud.run(member, "journalctl --unit=kubewright-machine-tokens --output=cat")
            for member in MEMBERS
        ]
        return all(reason in journal for journal in journals)

    eventually(f"the control planes report: {reason}", refused, timeout=120, interval=3)
    time.sleep(ROUND_SECONDS)
    assert registered_machines(cluster.deployment) == {}


def test_machines_of_a_pool_share_no_token(cluster: AzureCluster) -> None:
    expect_used_tokens(root_shell(cluster), "general-1-zzzzzz")


def test_root_on_a_machine_of_a_pool_cannot_use_its_own_document_for_another_machine(
    cluster: AzureCluster,
) -> None:
    """Test an invented machine, another machine, and a machine that has started and not joined yet."""
    shell = root_shell(cluster)
    own, other = (cluster.machine(host) for host in cluster.workers[:2])
    starting = replace(
        own,
        id=f"{own.id.rpartition('/')[0]}/77",
        host="starting",
        address="10.128.255.77",
        hostname="general-1-00002P",
    )
    invented = replace(starting, id=f"{own.id.rpartition('/')[0]}/78")
    cluster.cloud.states.add(starting)
    document = shell.document(TOKEN)
    for victim in (invented, other, cluster.machine("cp-1"), starting):
        shell.write_join(victim, victim, TOKEN, document)
        shell.write_join(own, victim, TOKEN, document)
    for reason in ("document is that of another machine", "this machine has another id", "no such machine"):
        expect_nothing_registered(cluster, reason)
    for node in (starting.hostname.lower(), other.hostname):
        assert UNAUTHORIZED in shell.request(TOKEN, node, "kwtest-stolen")
    # Its own token gives a machine that has joined nothing either.
    shell.write_join(own, own, TOKEN, document)
    time.sleep(3 * ROUND_SECONDS)
    assert registered_machines(cluster.deployment) == {}
    assert UNAUTHORIZED in shell.request(TOKEN, own.hostname, "kwtest-own")
    cluster.cloud.states.remove(starting.id)


def test_root_on_a_machine_of_a_pool_neither_reads_nor_replaces_tokens(cluster: AzureCluster) -> None:
    shell, victim = root_shell(cluster), cluster.machine(cluster.workers[1])
    names = [name for name in cluster.azure.keys("joins") if name.startswith(machine_id(victim))]
    assert names
    for name in names:
        assert "403" in shell.run(f"{shell.boot} azure_blob joins {name}")
        assert "403" in shell.run(f"echo x >/run/kwtest && {shell.boot} {shell.put(name)}")
        assert "403" in shell.run(f"{shell.boot} azure_blob joins {name} --request DELETE")
    assert "403" in shell.run(f"{shell.boot} azure_blob joins '?restype=container&comp=list'")


def test_documents_of_another_token_or_another_signer_are_no_proof(cluster: AzureCluster) -> None:
    shell, victim = root_shell(cluster), cluster.machine(cluster.workers[1])
    seen = AzureRootShell(cluster=cluster, host=cluster.workers[1], api=API, prefix="").document(
        "seen12.token"
    )
    shell.write_join(victim, victim, TOKEN, seen)
    expect_nothing_registered(cluster, "document is that of another token")
    shell.write_join(victim, victim, TOKEN, shell.forged_document(victim, TOKEN))
    expect_nothing_registered(cluster, "openssl verify")
    assert UNAUTHORIZED in shell.request(TOKEN, victim.hostname, "kwtest-forged")


def test_replaced_control_plane_rejoins_with_its_disk_and_address(cluster: AzureCluster) -> None:
    ids = cluster.etcd_members()
    assert set(ids) == set(MEMBERS)
    cluster.azure.terminate_machine(cluster.machine("cp-1"))
    assert volumes.attached_to(NAME, "cp-1") == []
    cluster.azure.launch(cluster.starts["cp-1"])
    rejoined = partial(cluster.has_rejoined, "cp-1", ids)
    eventually("cp-1 has rejoined", rejoined, timeout=READY_SECONDS, interval=3)
    assert cluster.cloud.run("cp-1", "findmnt -no FSTYPE /var/lib/etcd") == "ext4"


def test_terminating_worker_drains_itself(cluster: AzureCluster) -> None:
    host = cluster.workers[0]
    machine = cluster.machine(host)
    cluster.spread_pods()
    cluster.cloud.states.update(machine.id, lifecycle="Terminated")
    eventually(f"{host} confirms its termination", lambda: cluster.machine(host).released, timeout=180)
    assert machine.hostname not in cluster.schedulable_nodes()
    assert cluster.count_pods(machine.hostname) == 0
