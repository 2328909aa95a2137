"""Lab tests of the pod network, services, DNS and the API, from pods and from the machine."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import PurePosixPath
from urllib.request import urlopen

import pytest

from lab.network import BRIDGE, gateway_namespace, run_ip_batch
from testkit import pods
from testkit.cluster import Cluster, tool
from testkit.netproof import NetworkProof, fetch_command, network_proof
from testkit.packets import watched_packets
from testkit.process import kill_group, run
from testkit.stackfile import LAB
from testkit.wait import eventually

NODE_PORT = 30090
NEIGHBOR = "198.51.100.7"
"""An address of documentation (RFC 5737), which is in no network of machines."""


@pytest.fixture(scope="module")
def net(cluster: Cluster) -> Iterator[NetworkProof]:
    """Create a serving pod on every node and a client pod on the first worker, for the tests of this
    module.
    """
    with network_proof(cluster, "net", NODE_PORT, client=cluster.workers[0]) as proof:
        yield proof


def test_packets_use_vxlan(cluster: Cluster, net: NetworkProof) -> None:
    for host in cluster.nodes:
        links = cluster.network_links(host)
        assert "flannel.1" in links, f"{host}: {links}"


def test_pod_reaches_pods_on_all_nodes(net: NetworkProof) -> None:
    net.assert_every_pod_answers()


def test_pods_do_not_reach_ports_of_machines_that_are_not_for_pods(
    cluster: Cluster, net: NetworkProof
) -> None:
    """The client's own node drops such packets: other machines cannot tell a pod from its node."""

    def connect(host: str, port: int) -> int:
        script = f"echo | nc -w 3 {cluster.address(host)} {port}"
        return net.run_in_client(script, check=False).code

    for host in cluster.nodes:
        assert connect(host, 10250) == 0, f"{host}: no pod reaches the kubelet"
        assert connect(host, 22) != 0, f"{host}: a pod reaches SSH"
    assert connect("cp-1", 6443) == 0
    assert connect("cp-1", 2379) != 0


def test_pods_send_no_vxlan_packets_to_other_machines(cluster: Cluster, net: NetworkProof) -> None:
    """A tunnel would deliver packets with forged addresses to pods. The node itself may send such packets."""
    client, target = cluster.workers
    address = cluster.address(target)
    with watched_packets(cluster.name, target, last="sent-by-the-node", text="sent-by-a-pod") as packets:
        net.run_in_client(f"timeout 3 tftp -g -l /dev/null -r sent-by-a-pod {address} 8472", check=False)
        cluster.ssh(client, f"bash -c 'echo sent-by-the-node >/dev/udp/{address}/8472'")
    assert packets.texts == ["sent-by-the-node"]
    with watched_packets(cluster.name, target, last="sent-by-a-pod", text="none") as packets:
        net.run_in_client(f"timeout 3 tftp -g -l /dev/null -r sent-by-a-pod {address} 8473", check=False)
    assert packets.texts == ["sent-by-a-pod"], "a pod sends packets to other ports"


def test_other_networks_do_not_reach_pods_and_services(cluster: Cluster, net: NetworkProof) -> None:
    """A neighbor has routes to pods and services over a node, which machines of the cluster may use."""
    node = cluster.workers[1]
    gateway = str(IPv4Network(cluster.config[LAB]["network"])[1])
    service = cluster.get("service", "-n", net.namespace, "web")["spec"]["clusterIP"]
    targets = (net.addresses()[node], service)
    with neighbor(cluster, node, targets):
        assert [connects(cluster, gateway, address, pods.PORT) for address in targets] == [True, True]
        assert connects(cluster, NEIGHBOR, cluster.address(node), NODE_PORT), "the neighbor gets no answer"
        assert [connects(cluster, NEIGHBOR, address, pods.PORT) for address in targets] == [False, False]


@contextmanager
def neighbor(cluster: Cluster, node: str, targets: Sequence[str]) -> Iterator[None]:
    """Give the gateway of the lab another address, in no network of machines, and routes over a node."""
    namespace = gateway_namespace(cluster.name)
    changes = [f"addr {{}} {NEIGHBOR}/32 dev {BRIDGE}"]
    changes += [f"route {{}} {target}/32 via {cluster.address(node)} dev {BRIDGE}" for target in targets]
    run_ip_batch(namespace, "neighbor", [change.format("add") for change in changes])
    try:
        yield
    finally:
        run_ip_batch(namespace, "neighbor", [change.format("del") for change in reversed(changes)])


CONNECT = """
import socket, sys
source, address, port = sys.argv[1:]
socket.create_connection((address, int(port)), timeout=3, source_address=(source, 0))
"""


def connects(cluster: Cluster, source: str, address: str, port: int) -> bool:
    """Check whether the gateway of the lab connects from one of its addresses."""
    enter = ["ip", "netns", "exec", gateway_namespace(cluster.name), sys.executable, "-IS", "-c", CONNECT]
    return run([*enter, source, address, str(port)], timeout=20, check=False).code == 0


def test_large_responses_cross_nodes(net: NetworkProof) -> None:
    net.assert_large_files_arrive()


def test_pod_reaches_a_service_by_address_and_name(net: NetworkProof) -> None:
    net.assert_service_answers()


def test_cluster_name_resolves(cluster: Cluster, net: NetworkProof) -> None:
    answer = net.run_in_client("nslookup kubernetes.default.svc.cluster.local.").stdout
    api = cluster.get("service", "kubernetes")["spec"]["clusterIP"]
    assert api in answer, answer


def test_unknown_name_is_rejected(net: NetworkProof) -> None:
    result = net.run_in_client("nslookup no-such-service.default.svc.cluster.local.", check=False)
    assert result.code != 0
    assert "NXDOMAIN" in result.text, result.text


def test_external_name_gets_an_answer_without_internet_access(net: NetworkProof) -> None:
    result = net.run_in_client("nslookup kubernetes.io.", check=False, timeout=40)
    assert result.code != 0
    assert re.search(r"SERVFAIL|REFUSED|NXDOMAIN", result.text), f"no answer at all: {result.text}"


def test_node_port_answers_outside_the_cluster(cluster: Cluster, net: NetworkProof) -> None:
    net.assert_node_ports_answer()


def test_pods_see_the_address_of_callers_on_other_nodes(cluster: Cluster, net: NetworkProof) -> None:
    """The receiving pod sees the caller's own address, because the cluster network is not masqueraded."""
    client = cluster.get("pod", "-n", net.namespace, net.client)["status"]["podIP"]
    for address in net.addresses().values():
        net.run_in_client(fetch_command(address, "/marked"), check=False)
    log = cluster.kubectl("logs", "-n", net.namespace, "-l", "app=web", "--tail=-1", "--prefix").stdout
    callers = [line for line in log.splitlines() if "url:/marked" in line]
    assert len(callers) == len(net.addresses()), log
    assert all(f"{client}]:" in line for line in callers), callers


def test_kubectl_logs_and_exec_work(cluster: Cluster, namespace: str) -> None:
    script = "echo printed by the pod; sleep 600"
    for node in cluster.nodes:
        cluster.apply(
            pods.pod(namespace, f"say-{node}", pods.spec(pods.container(script), **pods.on_node(node)))
        )
    for node in cluster.nodes:
        pod = f"say-{node}"
        cluster.kubectl("wait", "-n", namespace, "--for=condition=Ready", f"pod/{pod}", "--timeout=60s")
        assert cluster.kubectl("logs", "-n", namespace, pod).stdout == "printed by the pod\n", node
        assert cluster.run_in_pod(namespace, pod, "echo $((6 * 7))").stdout == "42\n", node


def test_kubectl_port_forward_works(cluster: Cluster, net: NetworkProof) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [tool("kubectl"), f"--kubeconfig={cluster.kubeconfig}", "port-forward"]
    argv += ["-n", net.namespace, "service/web", f"{port}:{pods.PORT}"]
    process = subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    try:

        def fetch() -> str:
            try:
                with urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                    return str(answer.read().decode())
            except OSError as error:
                raise AssertionError(f"port-forward: {error}") from None

        page = eventually("an answer through port-forward", fetch, timeout=20)
        assert page.startswith("web-"), page
    finally:
        kill_group(process)
        process.wait()


def test_top_nodes_shows_every_node(cluster: Cluster) -> None:
    def node_metrics() -> list[str]:
        return cluster.kubectl("top", "nodes", "--no-headers").stdout.splitlines()

    shown = eventually(
        "metrics of all nodes",
        lambda: len(node_metrics()) == len(cluster.nodes) and node_metrics(),
        timeout=60,
    )
    for line in shown or []:
        assert re.match(r"\S+\s+\d+m\s+\d+%\s+\d+Mi\s+\d+%", line), line


def test_service_account_reaches_and_verifies_the_api(cluster: Cluster, namespace: str) -> None:
    """kubectl in a pod (the host's binary) trusts only the CA that is mounted into the pod."""
    cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=privileged")
    cluster.kubectl("create", "role", "-n", namespace, "look", "--verb=list", "--resource=pods")
    binding = ("create", "rolebinding", "-n", namespace, "look", "--role=look")
    cluster.kubectl(*binding, f"--serviceaccount={namespace}:default")
    main = pods.container(
        "sleep 600", volumeMounts=[{"name": "bin", "mountPath": "/host-bin", "readOnly": True}]
    )
    binary = cluster.ssh(
        cluster.workers[0], "readlink -f /usr/local/lib/kubewright/bin/kubectl"
    ).stdout.strip()
    volume = {"name": "bin", "hostPath": {"path": str(PurePosixPath(binary).parent), "type": "Directory"}}
    spec = pods.spec(main, volumes=[volume], **pods.on_node(cluster.workers[0]))
    cluster.apply(pods.pod(namespace, "client", spec))
    cluster.kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/client", "--timeout=60s")

    listed = cluster.run_in_pod(namespace, "client", f"/host-bin/kubectl get pods -n {namespace} -o name")
    assert listed.stdout == "pod/client\n"
    forbidden = cluster.run_in_pod(namespace, "client", "/host-bin/kubectl get secrets -A", check=False)
    assert forbidden.code != 0
    assert "Forbidden" in forbidden.text, forbidden.text
    mount = "/var/run/secrets/kubernetes.io/serviceaccount"
    plain = f"/host-bin/kubectl --server=https://kubernetes.default --token=$(cat {mount}/token) get pods"
    unverified = cluster.run_in_pod(namespace, "client", f"cd /; {plain} -n {namespace}", check=False)
    assert unverified.code != 0, "the API's certificate was accepted without its CA"
    assert "certificate" in unverified.text, unverified.text
    verified = cluster.run_in_pod(
        namespace, "client", f"{plain} -n {namespace} --certificate-authority={mount}/ca.crt"
    )
    assert "client" in verified.stdout


def test_this_machine_verifies_the_api(cluster: Cluster) -> None:
    kubeconfig = cluster.kubeconfig.read_text()
    assert "insecure-skip-tls-verify" not in kubeconfig
    argv = [tool("kubectl"), f"--kubeconfig={cluster.kubeconfig}", "--certificate-authority=/dev/null"]
    result = run([*argv, "get", "nodes"], timeout=30, check=False)
    assert result.code != 0, "kubectl succeeded without a CA"
