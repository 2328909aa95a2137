"""Commands of an attacker who is root on a node: kubectl with the credentials on the disk of the node."""

from __future__ import annotations

from nodeconfig.host_paths import BIN, PKI
from testkit.cluster import Cluster

TOKEN = f"{PKI}/bootstrap.token"
_KUBELET = "/var/lib/kubelet/pki/kubelet-client-current.pem"


def _kubectl(cluster: Cluster, *credentials: str) -> str:
    """Return kubectl on a host with credentials from its disk, and with none of its other settings."""
    server = f"https://{cluster.address('cp-1')}:6443"
    kubectl = f"{BIN}/kubectl --kubeconfig=/dev/null --server={server}"
    return f"{kubectl} --certificate-authority={PKI}/kubernetes-ca.crt {' '.join(credentials)}"


def with_kubelet(cluster: Cluster) -> str:
    """Return kubectl with the certificate of the kubelet."""
    return _kubectl(cluster, f"--client-certificate={_KUBELET}", f"--client-key={_KUBELET}")


def with_kube_proxy(cluster: Cluster) -> str:
    """Return kubectl with the certificate of kube-proxy."""
    stem = f"{PKI}/kube-proxy"
    return _kubectl(cluster, f"--client-certificate={stem}.crt", f"--client-key={stem}.key")


def with_token(cluster: Cluster) -> str:
    """Return kubectl with the bootstrap token of the node."""
    return _kubectl(cluster, f'--token="$(cat {TOKEN})"')
