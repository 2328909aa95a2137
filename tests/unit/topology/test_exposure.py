"""Tests of the warning about public networks. A lab has no warning, because its network is closed."""

from __future__ import annotations

from assembly import build_topology
from settings import load
from tests.unit.settings.support import TWO_WORKERS, with_edits
from topology.exposure import exposure_warnings


def test_api_open_to_all_networks_gives_a_warning() -> None:
    edits = {"environment": "production", "network.api_allowed": ["10.89.0.0/24", "0.0.0.0/0"]}
    api, ssh = exposure_warnings(build_topology(load(with_edits(TWO_WORKERS, edits))))
    assert api == "network.api_allowed: 0.0.0.0/0: the API is public; list your own networks"
    assert ssh == "network.ssh_allowed: 0.0.0.0/0: SSH on hosts is public; list your own networks"


def test_ssh_of_listed_networks_gives_no_warning() -> None:
    edits = {
        "environment": "production",
        "network.api_allowed": ["0.0.0.0/0"],
        "network.ssh_allowed": ["10.89.0.0/24"],
    }
    (line,) = exposure_warnings(build_topology(load(with_edits(TWO_WORKERS, edits))))
    assert line.startswith("network.api_allowed: 0.0.0.0/0")


def test_listed_networks_and_labs_give_no_warning() -> None:
    edits = {"environment": "production", "network.api_allowed": ["10.89.0.0/24"]}
    assert exposure_warnings(build_topology(load(with_edits(TWO_WORKERS, edits)))) == []
    assert exposure_warnings(build_topology(load(with_edits(TWO_WORKERS, {"environment": "lab"})))) == []
