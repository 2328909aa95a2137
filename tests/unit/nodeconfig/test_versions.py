"""Tests of pools with older versions than the API servers, and of versions in bundles."""

from __future__ import annotations

from dataclasses import replace

from nodeconfig import bundles
from nodeconfig.bundle import Bundle, Identity
from nodeconfig.render import script
from testkit.bundles import FakeIndex, cluster
from topology.model import Role, Topology

BEHIND = "1.35.6"


def behind(topology: Topology) -> Topology:
    pools = tuple(
        replace(pool, kubernetes=BEHIND) if pool.name == "workers" else pool for pool in topology.pools
    )
    return replace(topology, pools=pools)


def urls(bundle: Bundle) -> dict[str, str]:
    return {item.name: item.url.rpartition("/")[2] for item in bundle.artifacts}


def test_a_pool_may_have_an_older_version_than_the_control_plane(index: FakeIndex) -> None:
    plan = behind(cluster())
    found = bundles(plan, index)
    worker, plane, own = (
        found["w-1", Role.NODE],
        found["cp-1", Role.CONTROL_PLANE],
        found["cp-1", Role.NODE],
    )
    assert urls(worker)["kubelet"] == urls(worker)["kube-proxy"] == BEHIND
    assert urls(plane)["kube-apiserver"] == urls(own)["kubelet"] == plan.versions.kubernetes
    assert urls(worker)["containerd"] == plan.versions.containerd
    minor = next(file for file in worker.files if file.path == "/etc/kubewright/kubelet-minor")
    assert minor.content == "1.35\n"
    assert minor.path in worker.drain_on


def test_a_mirror_serves_all_versions_in_use() -> None:
    plan = cluster()
    assert plan.releases == (plan.versions,)
    assert [versions.kubernetes for versions in behind(plan).releases] == [plan.versions.kubernetes, BEHIND]


def test_a_script_has_the_versions_that_its_host_checks(index: FakeIndex) -> None:
    plan = behind(cluster())
    found = bundles(plan, index)
    said = {
        key: [
            line
            for line in script(bundle, Identity("h", "10.9.0.1")).splitlines()
            if line.startswith(("version etcd", "version kube"))
        ]
        for key, bundle in found.items()
    }
    assert said["cp-1", Role.ETCD] == [f"version etcd {plan.versions.etcd}"]
    assert said["cp-1", Role.CONTROL_PLANE] == [f"version kubernetes {plan.versions.kubernetes}"]
    assert said["w-1", Role.NODE] == [f"version kubernetes {BEHIND}"]


def test_the_time_limit_of_a_drain_comes_from_the_settings(index: FakeIndex) -> None:
    bundle = bundles(replace(cluster(), drain_seconds=77), index)["w-1", Role.NODE]
    assert "\ndrain 77 /usr/local/lib/kubewright/bin/containerd " in script(bundle, Identity("h", "10.9.0.1"))


def test_only_one_of_several_api_servers_delays_its_shutdown(
    index: FakeIndex,
) -> None:
    alone = cluster()
    three = replace(alone, control_planes=alone.control_planes * 3)

    def unit(topology: Topology) -> str:
        files = bundles(topology, index)["cp-1", Role.CONTROL_PLANE].files
        return next(file.content for file in files if file.path.endswith("kube-apiserver.service"))

    assert "--shutdown-delay-duration" not in unit(alone)
    assert "--shutdown-delay-duration=10s" in unit(three)
    assert "TimeoutStopSec=120" in unit(three)
