"""Paths on a host and URLs of its loopback interface, the same on every provider."""

from __future__ import annotations

from topology.ports import API_PORT, ETCD_CLIENT_PORT

LIBRARY = "/usr/local/lib/kubewright"
BIN = f"{LIBRARY}/bin"
CNI = f"{LIBRARY}/cni"
NETFILTER = f"{LIBRARY}/netfilter"
STATE = "/var/lib/kubewright"
HOST_ENV = "/etc/kubewright/host.env"

KUBERNETES = "/etc/kubernetes"
PKI = f"{KUBERNETES}/pki"
CA = f"{PKI}/kubernetes-ca.crt"
ADMIN = f"{KUBERNETES}/admin.conf"
ADMIN_KUBECTL = f"{BIN}/kubectl --kubeconfig={ADMIN} --cache-dir={STATE}/kubectl"
"""The first words of an administrator command on a control plane. A reset of the host removes the cache of
kubectl.
"""
KUBECTL_HERE = f'kubectl() {{ {ADMIN_KUBECTL} "$@"; }}\n'
"""Definition of `kubectl` for scripts that run on a control plane."""
KUBELET = "/var/lib/kubelet"
SYSTEMD_UNITS = "/etc/systemd/system"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
ETCD = "/etc/etcd"
ETCD_PKI = f"{ETCD}/pki"
ETCD_DATA = "/var/lib/etcd"
ETCD_SNAPSHOTS = "/var/lib/etcd-snapshots"
FLANNEL_SUBNET = "/run/flannel/subnet.env"

LOCAL_ETCD = f"https://127.0.0.1:{ETCD_CLIENT_PORT}"
"""The URL of the etcd member for programs on the same host."""
LOCAL_API = f"https://127.0.0.1:{API_PORT}"
"""The URL of the API for components on the same control plane."""

CIPHERS = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
)
"""Cipher suites for TLS 1.2. Go does not allow programs to configure the cipher suites of TLS 1.3."""
