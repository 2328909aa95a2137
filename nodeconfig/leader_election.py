"""Common flags of the controller manager and the scheduler: TLS on loopback, leader election, health."""

from __future__ import annotations

from nodeconfig.host_paths import ADMIN_KUBECONFIG, BIN, CA, CIPHERS, PKI
from nodeconfig.service_user import ServiceUser
from topology.options import LeaderElection


def flags(name: str, kubeconfig: str, user: ServiceUser, election: LeaderElection) -> dict[str, str]:
    """Return values of command-line flags by flag name, without leading dashes.

    `name` is the name of the serving certificate, `kubeconfig` is the path of a file on the host, and `user`
    runs the component.
    """
    kubeconfig = user.copy(kubeconfig)
    return {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "tls-cert-file": f"{PKI}/{name}.crt",
        "tls-private-key-file": user.copy(f"{PKI}/{name}.key"),
        "tls-min-version": "VersionTLS12",
        "tls-cipher-suites": ",".join(CIPHERS),
        "client-ca-file": CA,
        "requestheader-client-ca-file": f"{PKI}/front-proxy-ca.crt",
        "requestheader-allowed-names": "front-proxy-client",
        "profiling": "false",
        "leader-elect": "true",
        "leader-elect-lease-duration": f"{election.lease}s",
        "leader-elect-renew-deadline": f"{election.renew}s",
        "leader-elect-retry-period": f"{election.retry}s",
    }


def local_health(port: int) -> str:
    """Return a line of sh that succeeds when the component that listens on this loopback port is healthy."""
    server = f"--server=https://127.0.0.1:{port} --certificate-authority={CA}"
    return f"{BIN}/kubectl --kubeconfig={ADMIN_KUBECONFIG} --request-timeout=3s {server} get --raw /healthz"
