"""kubeadm's configuration files, JSON being YAML too."""

from __future__ import annotations

import json
from typing import Any

from artifacts import catalogue
from benchmarks.ready import plan

API = "kubeadm.k8s.io/v1beta4"
SOCKET = "unix:///run/containerd/containerd.sock"

IGNORED = {
    "SystemVerification": "it refuses cgroup v1, which the machine of the lab may have; the kubelet is told "
    "`failCgroupV1: false` on both sides",
}
"""Preflight errors that hosts of the lab cannot help, and why."""


def init(host: str, token: str, certificate_key: str) -> str:
    """What the first control plane is made with."""
    versions = catalogue.DEFAULTS
    return _documents(
        {
            "apiVersion": API,
            "kind": "InitConfiguration",
            "bootstrapTokens": [{"token": token, "ttl": "1h"}],
            "certificateKey": certificate_key,
            "localAPIEndpoint": {"advertiseAddress": str(plan.address(host))},
            "nodeRegistration": _registration(host),
        },
        {
            "apiVersion": API,
            "kind": "ClusterConfiguration",
            "kubernetesVersion": f"v{versions.kubernetes}",
            "controlPlaneEndpoint": plan.endpoint(),
            "networking": {"podSubnet": plan.PODS, "serviceSubnet": plan.SERVICES},
            "etcd": {"local": {"imageTag": versions.etcd}},
            "dns": {"imageTag": f"v{versions.coredns}"},
            # Kubewright's kind of key, and the faster one.
            "encryptionAlgorithm": "ECDSA-P256",
        },
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "failCgroupV1": False,
            "failSwapOn": False,
            "memorySwap": {"swapBehavior": "NoSwap"},
        },
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "clusterCIDR": plan.PODS,
            "nodePortAddresses": ["primary"],
            # The kernel's limits are the machine's, which the hosts of the lab share.
            "conntrack": {
                "maxPerCore": 0,
                "min": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
        },
    )


def join(host: str, token: str, authority: str, certificate_key: str = "") -> str:
    """What a host joins with; with a certificate key as a control plane. `authority`: `sha256:…`."""
    document: dict[str, Any] = {
        "apiVersion": API,
        "kind": "JoinConfiguration",
        "discovery": {
            "bootstrapToken": {
                "apiServerEndpoint": plan.endpoint(),
                "token": token,
                "caCertHashes": [authority],
            }
        },
        "nodeRegistration": _registration(host),
    }
    if certificate_key:
        document["controlPlane"] = {
            "localAPIEndpoint": {"advertiseAddress": str(plan.address(host))},
            "certificateKey": certificate_key,
        }
    return _documents(document)


def flannel_access() -> str:
    """What flannel may do, as in its own manifest."""
    rules = [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["nodes/status"], "verbs": ["patch"]},
    ]
    metadata = {"name": "flannel"}
    group = "rbac.authorization.k8s.io"
    role = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRole",
        "metadata": metadata,
        "rules": rules,
    }
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "flannel"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "flannel"}],
    }
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [role, binding]})


def _registration(host: str) -> dict[str, Any]:
    return {
        "name": host,
        "criSocket": SOCKET,
        "imagePullSerial": False,
        "ignorePreflightErrors": sorted(IGNORED),
        "kubeletExtraArgs": [{"name": "node-ip", "value": str(plan.address(host))}],
    }


def _documents(*documents: dict[str, Any]) -> str:
    return "\n---\n".join(json.dumps(document, indent=1) for document in documents) + "\n"
