"""Tests of the differences between nodes of a cloud and of bare metal."""

from __future__ import annotations

from dataclasses import replace

from nodeconfig import bundles
from nodeconfig.bundle import IDENTITY_AT_BOOT, Bundle
from nodeconfig.render import script
from testkit.bundles import FakeIndex, cluster
from testkit.clouds import cloud
from topology.model import Role

LABELS = {"tier": "web", "node.kubernetes.io/pool": "general"}
TAINTS = ["only=web:NoSchedule"]


def unit_text(bundle: Bundle, name: str) -> str:
    return next(file.content for file in bundle.files if file.path == f"/etc/systemd/system/{name}.service")


def kubelet_unit(**edits: object) -> str:
    return unit_text(bundles(cloud(**edits), FakeIndex())["general", Role.NODE], "kubelet")


def test_a_pool_of_a_cloud_has_one_bundle() -> None:
    all_bundles = bundles(cloud(), FakeIndex())
    assert [key for key in all_bundles if key[0] == "general"] == [("general", Role.NODE)]
    assert len(all_bundles) == 3 * 3 + 1


def test_the_size_of_a_pool_does_not_change_its_bundle() -> None:
    small, large = (
        bundles(cloud(**{"pools.general.size": {"min": 1, "max": maximum}}), FakeIndex())
        for maximum in (3, 200)
    )
    assert small == large


def test_kubelets_of_a_cloud_report_the_provider_id() -> None:
    text = kubelet_unit()
    assert "--cloud-provider=external" in text
    assert "--provider-id=${PROVIDER_ID}" in text
    metal = unit_text(bundles(cluster(), FakeIndex())["w-1", Role.NODE], "kubelet")
    assert "provider" not in metal


def test_nodes_of_a_cloud_register_with_labels_and_taints() -> None:
    edits = {"pools.general.labels": LABELS, "pools.general.taints": TAINTS}
    assert "--node-labels=tier=web,node.kubernetes.io/pool=general" in kubelet_unit(**edits)
    bundle = bundles(cloud(**edits), FakeIndex())["general", Role.NODE]
    config = next(file.content for file in bundle.files if file.path == "/etc/kubernetes/kubelet.json")
    assert '"key": "only"' in config
    # An administrator sets the labels of control planes, as on bare metal.
    assert "--node-labels" not in unit_text(
        bundles(cloud(**edits), FakeIndex())["cp-1", Role.NODE], "kubelet"
    )


def test_only_controller_manager_and_kubelets_have_cloud_flags() -> None:
    bundle = bundles(cloud(), FakeIndex())["cp-1", Role.CONTROL_PLANE]
    assert "--cloud-provider=external" in unit_text(bundle, "kube-controller-manager")
    assert "--cloud-provider" not in unit_text(bundle, "kube-apiserver")


def test_the_approver_accepts_names_of_the_clouds_domains() -> None:
    bundle = bundles(cloud(), FakeIndex())["cp-1", Role.CONTROL_PLANE]
    assert "--provider-domains=eu-central-1.compute.internal" in unit_text(bundle, "kubelet-csr-approver")
    metal = bundles(cluster(), FakeIndex())["cp-1", Role.CONTROL_PLANE]
    assert "--provider-domains" not in unit_text(metal, "kubelet-csr-approver")


def test_the_identity_of_a_pools_nodes_is_read_at_boot() -> None:
    text = script(bundles(cloud(), FakeIndex())["general", Role.NODE], IDENTITY_AT_BOOT)
    assert "\nidentity $BOOT_NAME $BOOT_ADDRESS $BOOT_ID\n" in text


def test_a_single_node_is_not_drained_unless_a_pool_exists() -> None:
    alone = cloud(**{"control_planes.hosts": ["cp-1"], "control_planes.schedulable": True, "pools": {}})
    assert not bundles(alone, FakeIndex())["cp-1", Role.NODE].drain
    assert bundles(cloud(), FakeIndex())["general", Role.NODE].drain


def test_an_arm64_pool_has_other_files_and_the_same_configuration() -> None:
    edits = {"pools.general.machine.types": ["m6g.large"], "aws.image_arm64": {"id": "ami-1"}}
    before, after = bundles(cloud(), FakeIndex()), bundles(cloud(**edits), FakeIndex())
    pool = "general", Role.NODE
    assert replace(after[pool], artifacts=()) == replace(before[pool], artifacts=())
    assert [item.url for item in after[pool].artifacts] == [
        f"{item.url}-arm64" for item in before[pool].artifacts
    ]
    assert after | {pool: before[pool]} == before


def test_control_planes_and_etcd_members_can_have_different_architectures() -> None:
    members = {"hosts": ["e-1", "e-2", "e-3"], "machine": {"type": "t3.large"}}
    edits = {"control_planes.machine.type": "m6g.large", "aws.image_arm64": {"id": "ami-1"}, "etcd": members}
    for (name, role), bundle in bundles(cloud(**edits), FakeIndex()).items():
        is_arm64 = {item.url.endswith("-arm64") for item in bundle.artifacts}
        assert is_arm64 == {name.startswith("cp-")}, (name, role)
