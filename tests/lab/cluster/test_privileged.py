"""Lab tests that privileged pods run where Pod Security allows them, and are refused elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from testkit import pods
from testkit.cluster import Cluster

ROOT = {"runAsUser": 0}
PRIVILEGED_PODS: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    # Security context of the container, fields of the pod, a command that needs them, words of the refusal
    "privileged": (
        {**ROOT, "privileged": True},
        {},
        # Only a privileged container may mount file systems.
        "mkdir /tmp/m && mount -t tmpfs none /tmp/m && grep -q ' /tmp/m tmpfs' /proc/mounts",
        "privileged (container",
    ),
    "host-path": (
        ROOT,
        {"volumes": [{"name": "host", "hostPath": {"path": "/etc/kubewright", "type": "Directory"}}]},
        "grep -q NODE_NAME /host/host.env",
        "hostPath volumes (volume",
    ),
    "host-network": (
        ROOT,
        {"hostNetwork": True},
        'ip -4 address show | grep -q "$HOST_IP/"',
        "host namespaces (hostNetwork=true)",
    ),
}


def privileged_pod(namespace: str, name: str) -> pods.Object:
    """Return a pod that is ready when the command that needs its privileges succeeds."""
    context, fields, command, _ = PRIVILEGED_PODS[name]
    environment = [{"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}]
    main = pods.container(f"{{ {command}; }} && touch /tmp/done; sleep 600", env=environment)
    main["securityContext"] = context
    main["readinessProbe"] = {"exec": {"command": ["test", "-e", "/tmp/done"]}, "periodSeconds": 1}
    if "volumes" in fields:
        main["volumeMounts"] = [{"name": "host", "mountPath": "/host", "readOnly": True}]
    return pods.pod(namespace, name, pods.spec(main, **fields))


@pytest.mark.parametrize("name", PRIVILEGED_PODS)
def test_privileged_pods_run_in_a_privileged_namespace(cluster: Cluster, namespace: str, name: str) -> None:
    cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=privileged")
    cluster.apply(privileged_pod(namespace, name))
    wait = ("wait", "-n", namespace, "--for=condition=Ready", f"pod/{name}", "--timeout=90s")
    result = cluster.kubectl(*wait, timeout=100, check=False)
    assert result.code == 0, cluster.kubectl("describe", "pod", "-n", namespace, name).text


@pytest.mark.parametrize("name", PRIVILEGED_PODS)
def test_pod_security_refuses_privileged_pods_elsewhere(cluster: Cluster, namespace: str, name: str) -> None:
    manifest = json.dumps(privileged_pod(namespace, name))
    refused = cluster.kubectl("create", "-f", "-", stdin=manifest, check=False)
    assert refused.code != 0
    assert 'violates PodSecurity "baseline:latest"' in refused.text, refused.text
    assert PRIVILEGED_PODS[name][3] in refused.text, refused.text


def test_kube_system_is_exempt(cluster: Cluster) -> None:
    """Without a label: the exemption is in the configuration of the API servers."""
    labels = cluster.get("namespace", "kube-system")["metadata"]["labels"]
    assert not [key for key in labels if key.startswith("pod-security")]
    manifest = json.dumps(privileged_pod("kube-system", "privileged"))
    cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=manifest)


def test_service_with_external_addresses_is_refused(cluster: Cluster, namespace: str) -> None:
    """The editor of a namespace could otherwise receive the traffic to the API."""
    service = pods.service(namespace, "thief")
    service["spec"]["externalIPs"] = [cluster.address("cp-1")]
    refused = cluster.kubectl("create", "-f", "-", stdin=json.dumps(service), check=False)
    assert refused.code != 0
    assert "Use of external IPs is denied by admission control" in refused.text, refused.text
