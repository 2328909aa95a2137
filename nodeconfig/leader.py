"""Leader election of controller manager and scheduler."""

from __future__ import annotations

from topology.model import LeaderElection


def flags(election: LeaderElection) -> dict[str, str]:
    """Flags, without dashes, for these times."""
    return {
        "leader-elect": "true",
        "leader-elect-lease-duration": f"{election.lease}s",
        "leader-elect-renew-deadline": f"{election.renew}s",
        "leader-elect-retry-period": f"{election.retry}s",
    }
