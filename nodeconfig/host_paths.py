"""Paths on a host and URLs of its loopback interface, the same on every provider."""

from __future__ import annotations

from topology.ports import API_PORT, ETCD_CLIENT_PORT

LIBRARY = "/usr/local/lib/kubewright"
"""Directory of all programs that Kubewright installs."""
BIN = f"{LIBRARY}/bin"
CNI = f"{LIBRARY}/cni"
"""Directory of the CNI plugins."""
NETFILTER = f"{LIBRARY}/netfilter"
IPSET = f"{LIBRARY}/ipset"
IPROUTE = f"{LIBRARY}/iproute"
NFS = f"{LIBRARY}/nfs"
"""Directory of the programs that mount NFS."""
STATE_DIRECTORY = "/var/lib/kubewright"
"""Directory of the host program: its record of the delivered roles, downloaded artifacts, and the program."""
HOST_ENV = "/etc/kubewright/host.env"
"""File with the identity of the host: NODE_NAME, NODE_IP, PROVIDER_ID."""

KUBERNETES = "/etc/kubernetes"
PKI = f"{KUBERNETES}/pki"
CA = f"{PKI}/kubernetes-ca.crt"
"""File with the trusted certificates of the CA `kubernetes`."""
BOOTSTRAP_TOKEN = f"{PKI}/bootstrap.token"
"""File with the token by which the kubelet requests its first certificate. On machines that make their own
tokens, the boot program writes the file (`providers/cloud/boot-pool.sh`).
"""
ADMIN_KUBECONFIG = f"{KUBERNETES}/admin.conf"
ADMIN_KUBECTL = f"{BIN}/kubectl --kubeconfig={ADMIN_KUBECONFIG} --cache-dir={STATE_DIRECTORY}/kubectl"
"""The `kubectl` command with administrator permissions on a control plane, without a subcommand. A reset of
the host removes the cache directory.
"""
KUBECTL_FUNCTION = f'kubectl() {{ {ADMIN_KUBECTL} "$@"; }}\n'
"""sh function `kubectl` with administrator permissions, for scripts that run on a control plane."""
KUBELET = "/var/lib/kubelet"
KUBELET_CLIENT = f"{KUBELET}/pki/kubelet-client-current.pem"
"""File with the client certificate and key of the node, which the kubelet renews."""
SYSTEMD_UNITS = "/etc/systemd/system"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
ETCD = "/etc/etcd"
ETCD_PKI = f"{ETCD}/pki"
ETCD_DATA = "/var/lib/etcd"
ETCD_SNAPSHOTS = "/var/lib/etcd-snapshots"
FLANNEL_SUBNET = "/run/flannel/subnet.env"
"""File in which flannel writes the pod subnet of the node and the MTU."""

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
