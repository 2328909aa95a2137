"""Paths on a host, the same on every provider."""

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
"""The start of an administrator's command on a control plane; a reset of the host removes its cache."""
KUBECTL_HERE = f'kubectl() {{ {ADMIN_KUBECTL} "$@"; }}\n'
"""Definition of `kubectl` that precedes a script which runs on a control plane."""
KUBELET = "/var/lib/kubelet"
SYSTEMD_UNITS = "/etc/systemd/system"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
ETCD = "/etc/etcd"
ETCD_PKI = f"{ETCD}/pki"
ETCD_DATA = "/var/lib/etcd"
ETCD_SNAPSHOTS = "/var/lib/etcd-snapshots"
FLANNEL_SUBNET = "/run/flannel/subnet.env"

LOCAL_ETCD = "https://127.0.0.1:2379"
"""The URL of the etcd member for programs on the same host."""
LOCAL_API = "https://127.0.0.1:6443"
"""The URL of the API for components on the same control plane."""

CIPHERS = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
)
"""Cipher suites for TLS 1.2. Go does not let programs configure those of TLS 1.3."""
