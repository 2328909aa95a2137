"""Lab test of a host with all roles: created from a clean checkout, extended by a worker, and removed.

The network has options that the shared cluster does not have: host-gw between nodes, iptables for services.
The digests of files and images are pinned.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from artifacts import catalogue, mirror
from testkit import lab_slots, stackfile
from testkit.cluster import Cluster, cache
from testkit.copy import clean_checkout, git_status
from testkit.leftovers import leftovers, paths_of_roles
from testkit.netproof import network_proof
from testkit.state import removed_at_end


@pytest.fixture
def single_machine(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Yield a cluster with one host that has all roles."""
    slot = lab_slots.reserve("kwsolo", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=[])
    network = {"backend": "host-gw", "proxy_mode": "iptables"}
    config[stackfile.CLUSTER]["network"] |= network
    index = state / "index.json"
    mirror.export_index(cache() / "mirror", index)
    config[stackfile.CLUSTER]["artifacts"]["index"] = str(index)
    checkout = clean_checkout(tmp_path_factory.mktemp("checkout"))
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=checkout)) as cluster:
        cluster.up()
        yield cluster


def test_single_machine_from_up_to_down(single_machine: Cluster) -> None:
    """The steps are one test, because each step continues with the result of the previous step."""
    _assert_one_host_has_all_roles(single_machine)
    _assert_images_are_pinned(single_machine)
    _assert_workloads_run(single_machine)
    _assert_checkout_stays_clean(single_machine)
    _add_worker_with_host_gw(single_machine)
    _assert_kube_proxy_uses_iptables(single_machine)
    _destroy_removes_the_cluster_from_the_hosts(single_machine)
    _down_leaves_nothing(single_machine)
    _second_down_succeeds(single_machine)


def _assert_one_host_has_all_roles(single_machine: Cluster) -> None:
    assert single_machine.ready_nodes() == ["cp-1"]
    node = single_machine.get("node", "cp-1")
    assert not [taint for taint in node["spec"].get("taints", []) if taint["effect"] != "PreferNoSchedule"]
    for pod in single_machine.items("pods", "-A"):
        assert pod["status"]["phase"] == "Running", pod["metadata"]["name"]


def _assert_images_are_pinned(single_machine: Cluster) -> None:
    """The add-ons and the sandboxes of pods run the images of the index, and not those of their tags."""
    index = json.loads(Path(single_machine.config[stackfile.CLUSTER]["artifacts"]["index"]).read_text())
    for pod in single_machine.items("pods", "-n", "kube-system"):
        for container in pod["spec"]["containers"]:
            reference, _, digest = container["image"].partition("@")
            assert digest == index["images"][reference]["digest"], pod["metadata"]["name"]
    pause = catalogue.images()[0]
    script = "/usr/local/lib/kubewright/bin/crictl inspecti -o json "
    reference = f"{pause.rpartition(':')[0]}@{index['images'][pause]['digest']}"
    image = json.loads(single_machine.ssh("cp-1", script + reference).stdout)["status"]
    assert image["repoDigests"] == [reference]
    assert image["pinned"], "the kubelet could delete the image of sandboxes"


def _assert_workloads_run(single_machine: Cluster) -> None:
    with network_proof(single_machine, "alone", 30091, client="cp-1") as net:
        net.assert_every_pod_answers()
        net.assert_node_ports_answer()


def _assert_checkout_stays_clean(single_machine: Cluster) -> None:
    single_machine.preview()
    assert git_status(single_machine.checkout) == ""


def _add_worker_with_host_gw(single_machine: Cluster) -> None:
    before = single_machine.services("cp-1")
    joining = {
        "pools": {"workers": {"hosts": ["w-1"]}},
        "metal": {"hosts": {"w-1": stackfile.host(single_machine.config[stackfile.LAB]["network"], 21)}},
    }
    single_machine.merge_settings(joining)
    single_machine.up()
    single_machine.wait_all_ready()
    assert single_machine.services("cp-1") == before, "the first host changed"
    for host in single_machine.nodes:
        links = single_machine.network_links(host)
        assert "flannel.1" not in links, f"{host}: packets use vxlan"
    with network_proof(single_machine, "two", 30092, client="w-1") as net:
        net.assert_every_pod_answers()
        net.assert_large_files_arrive()
        net.assert_service_answers()
        net.assert_node_ports_answer()
        answer = net.run_in_client("nslookup kubernetes.default.svc.cluster.local.").stdout
        assert "10.96.0.1" in answer


def _assert_kube_proxy_uses_iptables(single_machine: Cluster) -> None:
    for host in single_machine.nodes:
        script = "iptables -t nat -S KUBE-SERVICES; nft list tables"
        result = single_machine.ssh(host, f"PATH=/usr/local/lib/kubewright/netfilter:$PATH; {script}")
        assert "10.96.0.10/32" in result.stdout, f"{host}: no rule for the cluster's DNS:\n{result.text}"
        assert "table ip kube-proxy" not in result.stdout, f"{host}: kube-proxy uses nftables"


def _destroy_removes_the_cluster_from_the_hosts(single_machine: Cluster) -> None:
    """The lab keeps both hosts."""
    before = {host: paths_of_roles(single_machine, host) for host in single_machine.nodes}
    assert all(before.values()), "a host with a role has none of these paths"
    single_machine.command("destroy")
    resources = json.loads(single_machine.pulumi("stack", "export"))["deployment"].get("resources", [])
    assert resources == []
    for host in single_machine.nodes:
        assert paths_of_roles(single_machine, host) == [], host
        units = set(single_machine.services(host))
        assert not units & {"etcd.service", "kube-apiserver.service", "kubelet.service", "containerd.service"}


def _down_leaves_nothing(single_machine: Cluster) -> None:
    assert leftovers(single_machine), "the search for leftovers finds nothing while the cluster runs"
    single_machine.down()
    assert leftovers(single_machine) == []
    assert not single_machine.lab.exists(), "the state of the lab still exists"
    assert git_status(single_machine.checkout) == ""


def _second_down_succeeds(single_machine: Cluster) -> None:
    result = single_machine.command("down", check=False)
    assert result.code == 0, result.text
    assert "Traceback" not in result.text
