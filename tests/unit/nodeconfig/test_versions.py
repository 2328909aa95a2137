"""Tests of pools with older versions than the API servers, and of versions in bundles."""

from __future__ import annotations

from dataclasses import replace

from nodeconfig import bundles
from nodeconfig.bundle import Bundle, Identity
from nodeconfig.render import script
from testkit.bundles import FakeIndex, cluster
from topology.model import Role, Topology

OLDER_VERSION = "1.35.6"


def with_older_workers(topology: Topology) -> Topology:
    """Return the topology with an older Kubernetes version in the pool `workers`."""
    pools = tuple(
        replace(pool, kubernetes=OLDER_VERSION) if pool.name == "workers" else pool for pool in topology.pools
    )
    return replace(topology, pools=pools)


def artifact_versions(bundle: Bundle) -> dict[str, str]:
    """Return the versions of the artifacts of a bundle, by artifact name."""
    return {item.name: item.url.rpartition("/")[2] for item in bundle.artifacts}


def test_a_pool_may_have_an_older_version_than_the_control_plane(index: FakeIndex) -> None:
    topology = with_older_workers(cluster())
    all_bundles = bundles(topology, index)
    worker, control_plane, own_node = (
        all_bundles["w-1", Role.NODE],
        all_bundles["cp-1", Role.CONTROL_PLANE],
        all_bundles["cp-1", Role.NODE],
    )
    assert artifact_versions(worker)["kubelet"] == artifact_versions(worker)["kube-proxy"] == OLDER_VERSION
    assert (
        artifact_versions(control_plane)["kube-apiserver"]
        == artifact_versions(own_node)["kubelet"]
        == topology.versions.kubernetes
    )
    assert artifact_versions(worker)["containerd"] == topology.versions.containerd
    minor = next(file for file in worker.files if file.path == "/etc/kubewright/kubelet-minor")
    assert minor.content == "1.35\n"
    assert minor.path in worker.drain_on


def test_a_mirror_serves_all_versions_in_use() -> None:
    topology = cluster()
    assert topology.version_sets == (topology.versions,)
    assert [versions.kubernetes for versions in with_older_workers(topology).version_sets] == [
        topology.versions.kubernetes,
        OLDER_VERSION,
    ]


def test_a_script_has_the_versions_that_its_host_checks(index: FakeIndex) -> None:
    topology = with_older_workers(cluster())
    all_bundles = bundles(topology, index)
    version_lines = {
        key: [
            line
            for line in script(bundle, Identity("h", "10.9.0.1")).splitlines()
            if line.startswith(("version etcd", "version kube"))
        ]
        for key, bundle in all_bundles.items()
    }
    assert version_lines["cp-1", Role.ETCD] == [f"version etcd {topology.versions.etcd}"]
    assert version_lines["cp-1", Role.CONTROL_PLANE] == [f"version kubernetes {topology.versions.kubernetes}"]
    assert version_lines["w-1", Role.NODE] == [f"version kubernetes {OLDER_VERSION}"]


def test_the_time_limit_of_a_drain_comes_from_the_settings(index: FakeIndex) -> None:
    bundle = bundles(replace(cluster(), drain_seconds=77), index)["w-1", Role.NODE]
    assert "\ndrain 77 /usr/local/lib/kubewright/bin/containerd " in script(bundle, Identity("h", "10.9.0.1"))


def test_only_one_of_several_api_servers_delays_its_shutdown(
    index: FakeIndex,
) -> None:
    alone = cluster()
    three = replace(alone, control_planes=alone.control_planes * 3)

    def apiserver_unit(topology: Topology) -> str:
        files = bundles(topology, index)["cp-1", Role.CONTROL_PLANE].files
        return next(file.content for file in files if file.path.endswith("kube-apiserver.service"))

    assert "--shutdown-delay-duration" not in apiserver_unit(alone)
    assert "--shutdown-delay-duration=10s" in apiserver_unit(three)
    assert "TimeoutStopSec=120" in apiserver_unit(three)
