"""Lab test of a pool with `gpu: nvidia`, with a stand-in for NVIDIA's runtime that starts runc.

No host of the lab has a GPU: the test proves which pods use the runtime, not that pods see GPUs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testkit import lab_slots, pods, stackfile
from testkit.cluster import CHECKOUT, Cluster
from testkit.state import removed_at_end
from testkit.wait import eventually

PROGRAM = "/usr/bin/nvidia-container-runtime"
CALLS = "/run/nvidia-container-runtime.calls"
INSTALL_STAND_IN = f"""
set -e
cat >{PROGRAM} <<'EOF'
#!/bin/sh
# Finds runc in PATH, as NVIDIA's runtime does.
echo "$*" >>{CALLS}
exec runc "$@"
EOF
chmod 0755 {PROGRAM}
"""
NAMESPACE = "gpus"
POOL_CHANGES = ("taint nvidia.com/gpu=present:NoSchedule", "containerd.runtimes.nvidia", "Environment=PATH=")

pytestmark = pytest.mark.release


@pytest.fixture(scope="module")
def cluster(state: Path) -> Iterator[Cluster]:
    """Yield a stack with a control plane and a worker with GPUs, which does not exist yet."""
    slot = lab_slots.reserve("kwgpu", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1"])
    settings = config[stackfile.CLUSTER]
    settings["control_planes"]["schedulable"] = True
    settings["pools"]["workers"] |= {"gpu": "nvidia", "labels": {"team": "ml"}}
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as created:
        yield created


def test_pods_use_the_runtime_by_their_runtime_class(cluster: Cluster) -> None:
    """The steps are one test, because each step continues with the result of the previous step."""
    refused = cluster.up(check=False)
    assert refused.code
    for words in ("w-1: this host has no program", PROGRAM, "pools.workers.gpu: nvidia", "install both"):
        assert words in refused.text
    assert cluster.ssh("w-1", "ls /etc/containerd /etc/kubernetes", check=False).code, "the host was changed"

    cluster.ssh("w-1", INSTALL_STAND_IN)
    cluster.up()
    cluster.wait_all_ready()
    assert_configuration(cluster)

    cluster.apply(pods.namespace(NAMESPACE))
    # The class selects the node and tolerates its taint.
    create_pod(cluster, "with-gpu", runtimeClassName="nvidia")
    create_pod(cluster, "without-gpu", **pods.on_node("w-1"))
    create_pod(cluster, "intruder", nodeSelector={"kubernetes.io/hostname": "w-1"})
    with_gpu, without_gpu = (wait_running(cluster, name) for name in ("with-gpu", "without-gpu"))
    assert {pod["spec"]["nodeName"] for pod in (with_gpu, without_gpu)} == {"w-1"}
    calls = cluster.ssh("w-1", f"cat {CALLS}").stdout
    assert f" {container_id(with_gpu)}" in calls
    assert container_id(without_gpu) not in calls
    assert unschedulable_reason(cluster, "intruder")

    assert cluster.previewed_operations() == {}
    assert_removal_changes_only_the_pool(cluster)


def assert_configuration(cluster: Cluster) -> None:
    """Check the node, and the configuration that containerd reads."""
    node = cluster.get("node", "w-1")
    assert node["metadata"]["labels"]["nvidia.com/gpu.present"] == "true"
    assert node["metadata"]["labels"]["team"] == "ml"
    assert node["spec"]["taints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
    dump = "/usr/local/lib/kubewright/bin/containerd --config=/run/kubewright-containerd.toml config dump"
    effective = cluster.ssh("w-1", dump).stdout
    # containerd 2.4 has no option that turns CDI off.
    assert "cdi_spec_dirs = ['/etc/cdi', '/var/run/cdi']" in effective
    assert "default_runtime_name = 'runc'" in effective
    options = [line.split("=")[1].strip() for line in effective.splitlines() if "SystemdCgroup" in line]
    assert len(options) == 2, effective
    assert len({*options}) == 1, "the runtimes have different cgroup drivers"
    assert "nvidia" not in cluster.ssh("cp-1", "cat /run/kubewright-containerd.toml").stdout


def assert_removal_changes_only_the_pool(cluster: Cluster) -> None:
    """Remove the setting, and check the preview, the restarted services, the node and the running pods."""
    before = {host: cluster.services(host) for host in cluster.nodes}
    cluster.merge_settings({"pools": {"workers": {"gpu": stackfile.DELETE}}})
    preview = cluster.preview().text
    for words in POOL_CHANGES:
        assert words in preview
    cluster.up()
    after = {host: cluster.services(host) for host in cluster.nodes}
    assert after["cp-1"] == before["cp-1"]
    changed = {unit for unit, invocation in before["w-1"].items() if after["w-1"].get(unit) != invocation}
    assert changed == {"containerd.service", "kubelet.service"}
    node = cluster.get("node", "w-1")
    assert "nvidia.com/gpu.present" not in node["metadata"]["labels"]
    assert "taints" not in node["spec"]
    assert cluster.items("runtimeclasses") == []
    for name in ("with-gpu", "without-gpu", "intruder"):
        assert not wait_running(cluster, name)["status"]["containerStatuses"][0]["restartCount"], name


def create_pod(cluster: Cluster, name: str, **fields: object) -> None:
    """Create a pod that does nothing."""
    spec = pods.spec(pods.container("exec sleep 100000"), **fields)
    cluster.apply(pods.pod(NAMESPACE, name, spec))


def wait_running(cluster: Cluster, name: str) -> Any:  # noqa: ANN401 — an object of the API
    """Wait until a pod is ready and return the pod."""
    cluster.kubectl(
        "wait", "-n", NAMESPACE, "--for=condition=Ready", f"pod/{name}", "--timeout=90s", timeout=100
    )
    return cluster.get("pod", name, "-n", NAMESPACE)


def container_id(pod: Any) -> str:  # noqa: ANN401 — an object of the API
    """Return the id of the container of a pod."""
    return str(pod["status"]["containerStatuses"][0]["containerID"]).removeprefix("containerd://")


def unschedulable_reason(cluster: Cluster, name: str) -> str:
    """Wait until the scheduler has no node for a pod because of the taint, and return its message."""

    def reason() -> str:
        conditions = cluster.get("pod", name, "-n", NAMESPACE)["status"].get("conditions", [])
        messages = [str(item.get("message")) for item in conditions if item["type"] == "PodScheduled"]
        return next((message for message in messages if "untolerated taint" in message), "")

    return eventually(f"pod {name} is repelled by the taint", reason, timeout=60, interval=1)
