"""Upstream's specs of NetworkPolicy that use SCTP, which the kernel of this machine does not have [G3, P1].

They enforce policies for connections by SCTP, or check that a policy for SCTP does not apply to TCP.
"""

from __future__ import annotations

from pathlib import Path

from testkit.cluster import Cluster
from testkit.conformance import run_specs
from tests.vm.nodes import UP_SECONDS


def test_network_policies_apply_to_sctp(cluster: Cluster, tmp_path: Path) -> None:
    selection = ("--suite", "network-policy", "--focus", "SCTP", "--parallel", "1")
    states = run_specs(cluster, tmp_path, *selection, seconds=UP_SECONDS)
    assert set(states.values()) == {"passed"}, states
    assert sum("SCTPConnectivity" in spec for spec in states) == 3, states
