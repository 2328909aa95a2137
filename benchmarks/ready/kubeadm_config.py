"""Configuration files of kubeadm, written as JSON, which is valid YAML."""

from __future__ import annotations

import json
from typing import Any

from artifacts import catalogue
from benchmarks.ready import layout

API_VERSION = "kubeadm.k8s.io/v1beta4"
CRI_SOCKET = "unix:///run/containerd/containerd.sock"

IGNORED_ERRORS = {
    "SystemVerification": "kubeadm rejects cgroup v1, which the machine of the lab may have; "
    "kubelets of both clusters run with `failCgroupV1: false`",
}
"""Preflight errors that hosts of the lab cannot avoid, each with the reason."""


def init_config(host: str, token: str, certificate_key: str) -> str:
    """Return the configuration that creates the first control plane."""
    versions = catalogue.DEFAULTS
    return _documents(
        {
            "apiVersion": API_VERSION,
            "kind": "InitConfiguration",
            "bootstrapTokens": [{"token": token, "ttl": "1h"}],
            "certificateKey": certificate_key,
            "localAPIEndpoint": {"advertiseAddress": str(layout.address(host))},
            "nodeRegistration": _registration(host),
        },
        {
            "apiVersion": API_VERSION,
            "kind": "ClusterConfiguration",
            "kubernetesVersion": f"v{versions.kubernetes}",
            "controlPlaneEndpoint": layout.endpoint(),
            "networking": {"podSubnet": layout.PODS, "serviceSubnet": layout.SERVICES},
            "etcd": {"local": {"imageTag": versions.etcd}},
            "dns": {"imageTag": f"v{versions.coredns}"},
            # The key algorithm is the same as Kubewright's, and faster than kubeadm's default.
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
            "clusterCIDR": layout.PODS,
            "nodePortAddresses": ["primary"],
            # The hosts of the lab share the machine's kernel and its limits.
            "conntrack": {
                "maxPerCore": 0,
                "min": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
        },
    )


def join_config(host: str, token: str, ca_hash: str, certificate_key: str = "") -> str:
    """Return the configuration that joins a host, as a control plane if a certificate key is given.
    `ca_hash` is the hash of the certificate authority: `sha256:…`.
    """
    document: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "JoinConfiguration",
        "discovery": {
            "bootstrapToken": {
                "apiServerEndpoint": layout.endpoint(),
                "token": token,
                "caCertHashes": [ca_hash],
            }
        },
        "nodeRegistration": _registration(host),
    }
    if certificate_key:
        document["controlPlane"] = {
            "localAPIEndpoint": {"advertiseAddress": str(layout.address(host))},
            "certificateKey": certificate_key,
        }
    return _documents(document)


def flannel_permissions() -> str:
    """Return flannel's permissions, as in its manifest."""
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
        "criSocket": CRI_SOCKET,
        "imagePullSerial": False,
        "ignorePreflightErrors": sorted(IGNORED_ERRORS),
        "kubeletExtraArgs": [{"name": "node-ip", "value": str(layout.address(host))}],
    }


def _documents(*documents: dict[str, Any]) -> str:
    return "\n---\n".join(json.dumps(document, indent=1) for document in documents) + "\n"
