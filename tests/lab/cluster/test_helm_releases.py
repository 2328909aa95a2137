"""Lab tests of Helm releases: a failed release is explained, rolled back, and repaired by the next `up`."""

from __future__ import annotations

from testkit.cluster import Cluster
from testkit.messages import assert_readable

MISSING_IMAGE = "registry.k8s.io/kubewright-does-not-exist:1"


def deployed_image(cluster: Cluster) -> str:
    spec = cluster.get("deployment", "hello")["spec"]["template"]["spec"]
    return str(spec["containers"][0]["image"])


def test_failed_release_names_the_image_and_the_next_up_succeeds(cluster: Cluster) -> None:
    before = deployed_image(cluster)
    broken = {"helm_releases": {"hello": {"values": {"image": MISSING_IMAGE}, "timeout": 45}}}
    with cluster.temporary_settings(broken):
        failed = cluster.up(check=False)
        assert_readable(failed, ["Deployment default/hello", "container httpd", "ImagePull", MISSING_IMAGE])
        assert deployed_image(cluster) == before, "the release was not rolled back"
    assert cluster.previewed_operations() == {}


def test_release_that_was_changed_by_hand_is_drift(cluster: Cluster) -> None:
    cluster.kubectl("annotate", "service", "hello", "by-hand=yes")
    cluster.kubectl("label", "service", "hello", "app.kubernetes.io/name=other", "--overwrite")
    try:
        drifted = cluster.command("drift", check=False)
        assert drifted.code == 1, drifted.text
        assert "Service default/hello" in drifted.text
        assert "by-hand" not in drifted.text
    finally:
        cluster.kubectl("annotate", "service", "hello", "by-hand-")
        cluster.kubectl("label", "service", "hello", "app.kubernetes.io/name=hello", "--overwrite")
    assert cluster.command("drift").code == 0
