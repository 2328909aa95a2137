"""Lab test of the registry (`addons.registry`) and of `pull_secrets`, with images in an emulated bucket.

The registry keeps its images when its pod moves to another node, because they are outside of the cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from artifacts.cache import Cache
from artifacts.catalogue import KUBECTL_IMAGE
from artifacts.images import fetch_or_build, layout_directory
from artifacts.progress import Progress
from components.addons.distribution_collection import NAME as COLLECTION
from testkit import lab_slots, pods, stackfile
from testkit.add_on_images import build_images
from testkit.cluster import CHECKOUT, Cluster
from testkit.distribution import make_image
from testkit.registry_client import RegistryClient
from testkit.snapshot_stores import Stores, serve_stores
from testkit.state import removed_at_end
from testkit.wait import eventually
from topology.distribution import NAMESPACE, SERVICE
from topology.images import HELPER_IMAGE

SHOP, OTHERS = "shop", "others"
HOST, PORT = "registry.kwreg.example", 30500
NAME = f"{HOST}:{PORT}"
PASSWORD, PULL_PASSWORD = "password-of-alice-in-the-lab", "password-of-robot-in-the-lab"
IMAGE = f"{NAME}/team/web:1"
PULLED = 120
"""Maximum time until the kubelet pulled an image or gave up, in seconds."""

# The first test builds the images of the add-on, unless the cache has them.
pytestmark = [pytest.mark.release, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def network(state: Path) -> IPv4Network:
    return IPv4Network(lab_slots.reserve("kwreg", state).network)


@pytest.fixture(scope="module")
def cluster(state: Path, network: IPv4Network) -> Iterator[Cluster]:
    """Yield a cluster without the registry, whose network the emulated bucket needs."""
    slot = lab_slots.reserve("kwreg", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1", "w-2"])
    config[stackfile.CLUSTER]["access"] = {"namespaces": {SHOP: {}, OTHERS: {}}}
    build_images("distribution")
    fetch_or_build(KUBECTL_IMAGE, Cache.default(), Progress())
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.up()
        yield cluster


@pytest.fixture(scope="module")
def stores(
    cluster: Cluster, network: IPv4Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stores]:
    """Yield the bucket, which this machine serves at its address in the network of the lab."""
    with serve_stores(tmp_path_factory.mktemp("stores"), str(network[-2])) as running:
        yield running


@pytest.fixture(scope="module")
def registry(cluster: Cluster, stores: Stores) -> Cluster:
    """Add the registry to the running cluster."""
    section = {
        "name": NAME,
        "storage": {"s3": stores.targets()["s3"]["s3"], "prefix": "images"},
        "users": {"alice": {"password": PASSWORD}, "robot": {"password": PULL_PASSWORD}},
        "service": {"type": "NodePort"},
        "garbage_collection": {"schedule": "0 3 1 1 *"},
    }
    pull = {"registry": NAME, "username": "robot", "password": PULL_PASSWORD, "namespaces": [SHOP]}
    cluster.merge_settings({"addons": {"registry": section}, "pull_secrets": {"corp": pull}})
    cluster.up()
    return cluster


def client(cluster: Cluster, password: str = PASSWORD) -> RegistryClient:
    """Return the client of a person outside of the cluster, who connects to a port of a node."""
    ca_file = cluster.state / "kwreg-ca.crt"
    ca_file.write_text(cluster.pulumi("stack", "output", "ca"))
    address = cluster.address("w-1")
    return RegistryClient(address, PORT, name=HOST, ca_file=ca_file, user="alice", password=password)


def run_image(cluster: Cluster, namespace: str, name: str, node: str) -> None:
    """Create a pod on a node that pulls the image."""
    container = {**pods.container("exec sleep 100000"), "image": IMAGE, "imagePullPolicy": "Always"}
    cluster.apply(pods.pod(namespace, name, pods.spec(container, **pods.on_node(node))))


def pod_of_registry(cluster: Cluster) -> Any:  # noqa: ANN401 - an object of the API
    """Return the only running pod of the registry."""

    def ready() -> Any:  # noqa: ANN401 - an object of the API
        found = cluster.pods(NAMESPACE, f"app.kubernetes.io/name={SERVICE}")
        ready = [
            pod
            for pod in found
            for condition in pod["status"].get("conditions", ())
            if condition["type"] == "Ready" and condition["status"] == "True"
        ]
        return ready[0] if len(found) == len(ready) == 1 else None

    return eventually("one ready pod of the registry", ready, timeout=120)


def test_image_of_a_person_is_pulled_by_a_node(registry: Cluster) -> None:
    layout = Cache.default().root / "images" / layout_directory(HELPER_IMAGE)
    client(registry).push(layout, "team/web", "1")
    run_image(registry, SHOP, "web", "w-1")
    registry.kubectl(
        "wait", "-n", SHOP, "--for=condition=Ready", "pod/web", f"--timeout={PULLED}s", timeout=PULLED + 10
    )


def test_wrong_password_is_refused(registry: Cluster) -> None:
    assert client(registry, "a-wrong-password").request("GET", "/v2/").status == 401
    assert client(registry).request("GET", "/v2/").status == 200


def test_pods_of_other_namespaces_have_no_login(registry: Cluster) -> None:
    run_image(registry, OTHERS, "web", "w-1")

    def refused() -> bool:
        [pod] = registry.pods(OTHERS)
        waiting = [
            status["state"].get("waiting", {}) for status in pod["status"].get("containerStatuses", ())
        ]
        return any("authorization failed" in item.get("message", "") for item in waiting)

    eventually("the pull is refused", refused, timeout=PULLED)
    registry.kubectl("delete", "pod", "-n", OTHERS, "web")


def test_moved_pod_has_all_images(registry: Cluster) -> None:
    before = pod_of_registry(registry)
    node = before["spec"]["nodeName"]
    other = next(name for name in registry.workers if name != node)
    registry.kubectl("cordon", node)
    try:
        registry.kubectl("delete", "pod", "-n", NAMESPACE, before["metadata"]["name"])
        moved = pod_of_registry(registry)
        assert moved["spec"]["nodeName"] == other
        assert client(registry).has("team/web", "1")
        run_image(registry, SHOP, "after-move", "w-2")
        registry.kubectl(
            *("wait", "-n", SHOP, "--for=condition=Ready", "pod/after-move", f"--timeout={PULLED}s"),
            timeout=PULLED + 10,
        )
    finally:
        registry.kubectl("uncordon", node)


def stored_blobs(stores: Stores) -> str:
    """Return the keys of the blobs in the bucket. Links to blobs remain after a garbage collection."""
    return "\n".join(key for key in stores.objects if "/blobs/" in key)


def test_garbage_is_collected_while_nodes_pull(registry: Cluster, stores: Stores, tmp_path: Path) -> None:
    layout, digest, blobs = make_image(tmp_path, "deleted")
    client(registry).push(layout, "team/deleted", "1")
    client(registry).delete("team/deleted", digest)
    digests = [blob.partition(":")[2] for blob in blobs]
    before = stored_blobs(stores)
    assert all(digest in before for digest in digests)
    registry.kubectl("create", "job", "-n", NAMESPACE, "now", f"--from=cronjob/{COLLECTION}")
    registry.kubectl(
        "wait", "-n", NAMESPACE, "--for=condition=Complete", "job/now", "--timeout=600s", timeout=620
    )
    after = stored_blobs(stores)
    assert not [digest for digest in digests if digest in after]
    pod_of_registry(registry)
    assert client(registry).has("team/web", "1")
    assert not client(registry).has("team/deleted", "1")
    again, _, _ = make_image(tmp_path / "again", "pushed-after")
    client(registry).push(again, "team/pushed-after", "1")


def test_secrets_are_encrypted_in_the_state_and_previews_are_empty(registry: Cluster) -> None:
    assert registry.previewed_operations() == {}
    state, preview = registry.pulumi("stack", "export"), registry.preview().text
    for secret in (PASSWORD, PULL_PASSWORD, "$2b$"):
        assert secret not in state
        assert secret not in preview
        assert not [text for text in registry.outputs if secret in text]


def test_removed_settings_remove_the_add_on(registry: Cluster) -> None:
    change = {"addons": {"registry": stackfile.DELETE}, "pull_secrets": stackfile.DELETE}
    registry.merge_settings(change)
    registry.up()
    assert NAMESPACE not in [item["metadata"]["name"] for item in registry.items("namespaces")]
    account = registry.get("serviceaccount", "-n", SHOP, "default")
    assert not account.get("imagePullSecrets")
    assert "corp" not in [item["metadata"]["name"] for item in registry.items("secrets", "-n", SHOP)]
    assert HOST not in registry.ssh("w-1", "ls /etc/containerd/certs.d").stdout
    assert registry.previewed_operations() == {}
