"""Tests of the network behind the NAT of a lab: its specification, and the hosts of a stack file."""

from __future__ import annotations

from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from automation.lab_stack import lab_requirements
from lab.spec import LabSpec
from testkit import stackfile


def spec(*inner: str | None, network: str = "10.9.0.0/24") -> LabSpec:
    """Return a lab with a host for each inner address."""
    hosts = [
        {"name": f"h-{number}", "address": f"10.9.0.{number}", "inner": address}
        for number, address in enumerate(inner, start=11)
    ]
    return LabSpec.model_validate({"name": "one", "network": network, "hosts": hosts})


def test_network_behind_the_nat_follows_from_the_hosts() -> None:
    assert str(spec(None, "10.8.0.11/24").inner_network) == "10.8.0.0/24"
    assert spec(None).inner_network is None


@pytest.mark.parametrize(
    ("inner", "phrase"),
    [
        (("10.9.0.77/24",), "the network behind the NAT, 10.9.0.0/24, overlaps 10.9.0.0/24"),
        (("10.8.0.11/24", "10.7.0.11/24"), "hosts.1 (h-12).inner: 10.7.0.11/24 is not in 10.8.0.0/24"),
        (("10.8.0.1/24",), "10.8.0.1 is taken by the gateway"),
        (("10.8.0.11/24", "10.8.0.11/24"), "10.8.0.11 is taken by h-11"),
    ],
)
def test_error_names_the_wrong_host(inner: tuple[str, ...], phrase: str) -> None:
    with pytest.raises(ValidationError) as caught:
        spec(*inner)
    assert phrase in str(caught.value)


def test_hosts_of_a_stack_are_behind_the_nat_if_they_have_a_public_address(tmp_path: Path) -> None:
    config: dict[str, Any] = stackfile.document(
        "nat", "10.72.9.0/24", control_planes=["cp-1"], workers=["w-1"]
    )
    cluster = config[stackfile.CLUSTER]
    cluster["network"]["machines"].append("10.73.9.0/24")
    cluster["metal"]["hosts"]["cp-1"] |= {"address": "10.73.9.11", "public_address": "10.72.9.11"}
    required = lab_requirements("nat", config, tmp_path)
    assert required is not None
    hosts = {host.name: (str(host.address), host.inner) for host in required.lab.hosts}
    assert hosts == {
        "cp-1": ("10.72.9.11", IPv4Interface("10.73.9.11/24")),
        "w-1": ("10.72.9.21", None),
    }
