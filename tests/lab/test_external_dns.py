"""Lab test of the add-on that publishes names in DNS zones (`addons.external_dns`), with a DNS server outside
of the cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from components.addons.external_dns import NAME
from testkit import dns_zones, lab_slots, pods, stackfile
from testkit.add_on_images import build_images
from testkit.cluster import CHECKOUT, Cluster
from testkit.dns_zones import DnsZones
from testkit.state import removed_at_end
from testkit.wait import eventually
from topology.external_dns import NAMESPACE as EXTERNAL_DNS

NAMESPACE = "shop"
ZONES = ("apps.example", "corp.example")
KEY_NAME = "kwnames.apps.example"
SECRET = "bGFiLXRzaWcta2V5LW9mLXRoZS16b25lcy0wMTIzNDU="
OTHER_SECRET = "YW5vdGhlci10c2lnLWtleS1vZi1ub2JvZHktMDEyMzQ="
PREFIX = "external-dns.kubernetes.io"
INTERVAL = 10
PUBLISHED = 60
"""Maximum time until a change of an object is in the zone, in seconds."""

# The first test builds the images of external-dns and MetalLB, unless the cache has them.
pytestmark = [pytest.mark.release, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def network(state: Path) -> IPv4Network:
    return IPv4Network(lab_slots.reserve("kwnames", state).network)


@pytest.fixture(scope="module")
def cluster(state: Path, network: IPv4Network) -> Iterator[Cluster]:
    """Yield a cluster whose services have addresses of MetalLB. The machine of this test has the server."""
    slot = lab_slots.reserve("kwnames", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1"])
    config[stackfile.CLUSTER]["addons"] = {
        "external_dns": section(network),
        "load_balancer": {
            "pools": {
                "public": {"addresses": [f"{network[240]}-{network[247]}"]},
                "reserved": {"addresses": [f"{network[250]}-{network[250]}"], "automatic": False},
            }
        },
    }
    build_images(NAME, "metallb")
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.up()
        cluster.apply(pods.namespace(NAMESPACE))
        yield cluster


@pytest.fixture(scope="module")
def zones(
    cluster: Cluster, network: IPv4Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DnsZones]:
    """Yield the DNS server. The pod of external-dns waits for it since `up`."""
    programs = dns_zones.unpack(tmp_path_factory.mktemp("knot"))
    directory = tmp_path_factory.mktemp("zones")
    address = str(network[-2])
    with dns_zones.serve_zones(
        programs, directory, address, ZONES, key_name=KEY_NAME, secret=SECRET
    ) as server:
        yield server


def section(network: IPv4Network) -> dict[str, Any]:
    """Return settings that publish names of one of the two zones."""
    return {
        "rfc2136": {
            "nameserver": f"{network[-2]}:{dns_zones.PORT}",
            "zones": list(ZONES),
            "key_name": KEY_NAME,
            "secret": SECRET,
        },
        "domains": ["apps.example"],
        "interval": f"{INTERVAL}s",
    }


def create_service(cluster: Cluster, name: str, host: str, *, pool: str = "public") -> str:
    """Create a service of type LoadBalancer with a published name. Return its address."""
    service = pods.service(NAMESPACE, name)
    service["metadata"]["annotations"] = {
        f"{PREFIX}/hostname": host,
        "metallb.io/address-pool": pool,
    }
    service["spec"]["type"] = "LoadBalancer"
    cluster.apply(service)

    def address() -> str:
        status = cluster.get("service", "-n", NAMESPACE, name)["status"]["loadBalancer"]
        return str(next((item["ip"] for item in status.get("ingress", ())), ""))

    return eventually(f"an address of the service {name}", address, timeout=90)


def ingress(name: str, hosts: tuple[str, ...], target: str) -> dict[str, Any]:
    """Return an Ingress whose names lead to an address."""
    backend = {"service": {"name": "web", "port": {"number": pods.PORT}}}
    paths = {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "namespace": NAMESPACE,
            "name": name,
            "annotations": {f"{PREFIX}/target": target},
        },
        "spec": {"rules": [{"host": host, "http": paths} for host in hosts]},
    }


def wait_for_record(zones: DnsZones, name: str, address: str) -> None:
    eventually(f"{name} is {address}", lambda: zones.lookup(name) == {address}, timeout=PUBLISHED)


def log(cluster: Cluster) -> str:
    """Return the log of the pod."""
    return cluster.kubectl("logs", "-n", EXTERNAL_DNS, f"deployment/{NAME}").text


def wait_for_comparison(cluster: Cluster) -> None:
    """Wait until the pod has compared all records again."""

    def comparisons() -> int:
        # The pod writes this line after a comparison without a change.
        return log(cluster).count("All records are already up to date")

    before = comparisons()
    # Another comparison could have begun before this function.
    eventually("two comparisons", lambda: comparisons() >= before + 2, timeout=PUBLISHED)


def test_service_is_published_with_its_owner(cluster: Cluster, zones: DnsZones) -> None:
    address = create_service(cluster, "web", "web.apps.example")
    wait_for_record(zones, "web.apps.example", address)
    [owner] = zones.lookup("a-owner.web.apps.example", "TXT")
    assert f"external-dns/owner={cluster.name}" in owner


def test_record_of_the_zone_itself_is_published(cluster: Cluster, zones: DnsZones) -> None:
    address = create_service(cluster, "top", "apps.example")
    wait_for_record(zones, "apps.example", address)
    assert zones.lookup("a-owner.apps.example", "TXT")


def test_removed_service_keeps_its_record_and_a_new_one_changes_it(cluster: Cluster, zones: DnsZones) -> None:
    [before] = zones.lookup("web.apps.example")
    cluster.kubectl("delete", "service", "-n", NAMESPACE, "web")
    wait_for_comparison(cluster)
    assert zones.lookup("web.apps.example") == {before}, "upsert-only removed a record"
    after = create_service(cluster, "web", "web.apps.example", pool="reserved")
    assert after != before
    wait_for_record(zones, "web.apps.example", after)


def test_names_of_an_ingress_are_published_in_the_domains(cluster: Cluster, zones: DnsZones) -> None:
    cluster.apply(ingress("web", ("blog.corp.example", "blog.apps.example"), "192.0.2.80"))
    wait_for_record(zones, "blog.apps.example", "192.0.2.80")
    wait_for_comparison(cluster)
    assert zones.lookup("ns.corp.example"), "the server has no zone corp.example"
    assert not zones.lookup("blog.corp.example"), "a name outside of the domains was published"


def test_foreign_record_is_not_changed(cluster: Cluster, zones: DnsZones) -> None:
    """The zone has this record from the start, without an owner."""
    cluster.apply(ingress("foreign", ("ns.apps.example",), "192.0.2.81"))
    wait_for_comparison(cluster)
    assert zones.lookup("ns.apps.example") == {"192.0.2.53"}
    cluster.kubectl("delete", "ingress", "-n", NAMESPACE, "foreign")


def test_pod_reads_only_services_and_ingress_objects(cluster: Cluster) -> None:
    account = f"--as=system:serviceaccount:{EXTERNAL_DNS}:{NAME}"
    for words, expected in (
        (("list", "services"), "yes"),
        (("watch", "ingresses.networking.k8s.io"), "yes"),
        (("get", "secrets"), "no"),
        (("list", "pods"), "no"),
        (("list", "nodes"), "no"),
        (("update", "services"), "no"),
    ):
        answer = cluster.kubectl("auth", "can-i", *words, "-A", account, check=False).stdout.strip()
        assert answer == expected, words


def test_secret_of_the_key_is_in_no_process_and_not_in_plain_state(cluster: Cluster) -> None:
    [pod] = cluster.pods(EXTERNAL_DNS)
    script = """\
for process in /proc/[0-9]*; do
    [ "$(cat $process/comm 2>/dev/null)" = external-dns ] || continue
    tr '\\0' '\\n' < $process/cmdline
    tr '\\0' '\\n' < $process/environ
done"""
    texts = cluster.ssh(pod["spec"]["nodeName"], script).stdout
    assert "--rfc2136-tsig-keyname" in texts, "the process was not found"
    assert SECRET not in texts
    assert SECRET not in str(pod)
    assert SECRET not in cluster.pulumi("stack", "export")
    assert SECRET not in log(cluster)


def test_ports_of_the_pod_are_closed(cluster: Cluster) -> None:
    cluster.apply(pods.pod(NAMESPACE, "probe", pods.spec(pods.container("exec sleep 100000"))))
    cluster.kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", "pod/probe")
    [pod] = cluster.pods(EXTERNAL_DNS)
    address = pod["status"]["podIP"]
    result = cluster.run_in_pod(NAMESPACE, "probe", f"nc -z -w 3 {address} 7979", check=False)
    assert result.code != 0, "a pod reached the metrics"


def test_policy_sync_removes_records_of_removed_objects(cluster: Cluster, zones: DnsZones) -> None:
    with cluster.temporary_settings({"addons": {"external_dns": {"policy": "sync"}}}):
        assert cluster.previewed_operations() == {"external-dns-pods": "update"}
        preview = cluster.preview().text
        assert "--policy=sync" in preview
        assert SECRET not in preview
        cluster.up()
        cluster.kubectl("delete", "ingress", "-n", NAMESPACE, "web")
        eventually(
            "the records of the Ingress are removed",
            lambda: (
                not {
                    *zones.lookup("blog.apps.example"),
                    *zones.lookup("a-owner.blog.apps.example", "TXT"),
                }
            ),
            timeout=PUBLISHED,
        )
        assert zones.lookup("web.apps.example"), "the record of an existing service was removed"
        assert zones.lookup("ns.apps.example") == {"192.0.2.53"}, "a foreign record was removed"


def test_wrong_secret_is_an_error_in_the_log_without_the_secret(cluster: Cluster, zones: DnsZones) -> None:
    with cluster.temporary_settings({"addons": {"external_dns": {"rfc2136": {"secret": OTHER_SECRET}}}}):
        operations = cluster.previewed_operations()
        assert operations == {"external-dns-key": "update", "external-dns-pods": "update"}
        cluster.up()
        create_service(cluster, "late", "late.apps.example")
        # The server refuses both the transfer of a zone and the new record.
        for error in ("AXFR error", "RFC2136 create record failed"):
            eventually(error, lambda: error in log(cluster), timeout=PUBLISHED)  # noqa: B023
        for secret in (SECRET, OTHER_SECRET):
            assert secret not in log(cluster)
        assert not zones.lookup("late.apps.example")
        [pod] = cluster.pods(EXTERNAL_DNS)
        assert pod["status"]["containerStatuses"][0]["ready"], "the pod ended"
    # The right secret is there again.
    eventually("late.apps.example", lambda: zones.lookup("late.apps.example"), timeout=PUBLISHED)


def test_status_shows_the_workload(cluster: Cluster) -> None:
    assert f"{EXTERNAL_DNS}/{NAME}" in cluster.command("status").stdout


def test_removed_settings_remove_the_add_on_and_keep_the_records(cluster: Cluster, zones: DnsZones) -> None:
    cluster.merge_settings({"addons": {"external_dns": stackfile.DELETE}})
    cluster.up()
    assert EXTERNAL_DNS not in [item["metadata"]["name"] for item in cluster.items("namespaces")]
    for kind in ("clusterroles", "clusterrolebindings"):
        assert f"kubewright:{NAME}" not in [item["metadata"]["name"] for item in cluster.items(kind)]
    assert zones.lookup("web.apps.example")
    assert cluster.previewed_operations() == {}
