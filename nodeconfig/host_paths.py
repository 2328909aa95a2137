"""Where things are on a host. The same on every provider."""

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
"""How an administrator's command line on a control plane begins; its cache goes with the host's roles."""
KUBECTL_HERE = f'kubectl() {{ {ADMIN_KUBECTL} "$@"; }}\n'
"""What `kubectl` is in a script that is run on a control plane: goes before the script."""
KUBELET = "/var/lib/kubelet"
ETCD = "/etc/etcd"
ETCD_PKI = f"{ETCD}/pki"
ETCD_DATA = "/var/lib/etcd"
ETCD_SNAPSHOTS = "/var/lib/etcd-snapshots"
FLANNEL_SUBNET = "/run/flannel/subnet.env"

LOCAL_API = "https://127.0.0.1:6443"
"""The API as a control plane's own components see it."""

CIPHERS = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
)
"""For TLS 1.2; those of TLS 1.3 are not configurable in Go."""
