"""What controller manager and scheduler have in common: leader election, health by TLS on loopback."""

from __future__ import annotations

from nodeconfig.places import ADMIN, BIN, CA
from topology.model import LeaderElection


def flags(election: LeaderElection) -> dict[str, str]:
    """Flags, without dashes, for these times."""
    return {
        "leader-elect": "true",
        "leader-elect-lease-duration": f"{election.lease}s",
        "leader-elect-renew-deadline": f"{election.renew}s",
        "leader-elect-retry-period": f"{election.retry}s",
    }


def local_health(port: int) -> str:
    """A line of sh that succeeds when the component on this port of the host says that it is well."""
    server = f"--server=https://127.0.0.1:{port} --certificate-authority={CA}"
    return f"{BIN}/kubectl --kubeconfig={ADMIN} --request-timeout=3s {server} get --raw /healthz"
