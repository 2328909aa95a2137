"""Tests of nodes for the user's own CNI (`network.cni: none`)."""

from __future__ import annotations

import subprocess

import pytest

from artifacts.catalogue import images_of
from artifacts.components import CNI_PLUGINS
from artifacts.mirror import optional_artifacts, optional_images
from nodeconfig import bundles
from nodeconfig.bundle import Bundle
from testkit.bundles import FakeIndex, cluster
from testkit.cluster import CHECKOUT
from topology.firewall_rules import rules_for
from topology.model import Role

OWN_PLUGINS = "/opt/cni/bin"
PLUGINS = "/usr/local/lib/kubewright/cni"
NOT_READY = '{"message":"container runtime network not ready: NetworkReady=false","status":"False"}'
LOST = '{"message":"Kubelet stopped posting node status.","status":"Unknown"}'
READY = '{"message":"kubelet is posting ready status","status":"True"}'


def node(cni: str) -> Bundle:
    return bundles(cluster(cni=cni), FakeIndex())["w-1", Role.NODE]


def content(bundle: Bundle, path: str) -> str:
    """Return the file of a bundle at a path."""
    (text,) = (file.content for file in bundle.files if file.path == path)
    return text


def test_node_has_no_programs_of_flannel() -> None:
    own, flannel = node("none"), node("flannel")
    removed = {item.unit for item in flannel.services} - {item.unit for item in own.services}
    assert removed == {"flanneld.service", "kube-router.service"}
    assert not {"flanneld", "kube-router", "ipset"} & {artifact.name for artifact in own.artifacts}
    assert not [file.path for file in own.files if "flannel" in file.path or "conflist" in file.path]


def test_plugins_of_the_own_cni_come_before_all_plugins_of_upstream() -> None:
    bundle = node("none")
    paths = {artifact.name: artifact.path for artifact in bundle.artifacts if "/cni/" in artifact.path}
    assert paths == {name: f"{PLUGINS}/{name.removeprefix('cni-')}" for name in CNI_PLUGINS}
    assert len(paths) == 18
    config = content(bundle, "/etc/containerd/config.toml")
    assert f'bin_dirs = ["{OWN_PLUGINS}", "{PLUGINS}"]\nconf_dir = "/etc/cni/net.d"\n' in config


def test_directory_of_the_own_cni_has_no_file_of_kubewright() -> None:
    """Test that the CNI can install plugins of upstream too: `cp` fails at a link to a missing file."""
    bundle = node("none")
    assert OWN_PLUGINS in [directory.path for directory in bundle.directories]
    paths = [*(file.path for file in bundle.files), *(artifact.path for artifact in bundle.artifacts)]
    assert not [path for path in paths if path.startswith(f"{OWN_PLUGINS}/")]
    assert OWN_PLUGINS not in [directory.path for directory in node("flannel").directories]


def test_only_clusters_with_an_own_cni_need_the_other_plugins() -> None:
    assert optional_artifacts(cluster()) == ()
    common = {artifact.name for artifact in node("flannel").artifacts}
    names = {artifact.name for artifact in node("none").artifacts if artifact.name.startswith("cni-")}
    assert set(optional_artifacts(cluster(cni="none"))) == names - common


@pytest.mark.parametrize(
    ("cni", "state", "ready"),
    [
        ("none", NOT_READY, True),
        ("none", READY, True),
        ("none", LOST, False),
        ("flannel", NOT_READY, False),
        ("flannel", READY, True),
    ],
)
def test_delivery_waits_for_the_pod_network_only_with_flannel(cni: str, state: str, ready: bool) -> None:
    (check,) = (item.ready for item in node(cni).services if item.unit == "kubelet.service")
    fakes = f"""
    . {CHECKOUT}/nodeconfig/host/node.sh
    local_health() {{ :; }}
    has_kubelet_certificate() {{ :; }}
    say() {{ printf '%s\\n' "$*"; }}
    node_api() {{ printf '%s' '{state}'; }}
    NODE_NAME=w-1
    """
    result = subprocess.run(["sh", "-c", f"{fakes}\n{check}"], check=False, capture_output=True)
    assert (result.returncode == 0) is ready


def test_port_of_vxlan_is_closed() -> None:
    assert 8472 in {rule.first for rule in rules_for(cluster(), [Role.NODE])}
    assert 8472 not in {rule.first for rule in rules_for(cluster(cni="none"), [Role.NODE])}


def test_image_of_the_ingress_is_optional() -> None:
    section = {"addons": {"ingress": {"pool": "workers", "sources": ["0.0.0.0/0"]}}}
    assert optional_images(cluster()) == ()
    assert optional_images(cluster(sections=section)) == images_of("traefik")
    assert optional_artifacts(cluster(sections=section)) == ()
