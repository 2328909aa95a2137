"""Tests of the warning about public networks, which a lab does not have, because the lab's network is
closed.
"""

from __future__ import annotations

from assembly import build_topology
from settings import load
from tests.unit.settings.support import WORKERS, edited
from topology.exposure import warnings


def test_api_open_to_all_networks_gives_a_warning() -> None:
    opened = {"environment": "production", "network.api_allowed": ["10.89.0.0/24", "0.0.0.0/0"]}
    (line,) = warnings(build_topology(load(edited(WORKERS, opened))))
    assert line.startswith("network.api_allowed: 0.0.0.0/0: the API and SSH are public")


def test_listed_networks_and_labs_give_no_warning() -> None:
    listed = {"environment": "production", "network.api_allowed": ["10.89.0.0/24"]}
    assert warnings(build_topology(load(edited(WORKERS, listed)))) == []
    assert warnings(build_topology(load(edited(WORKERS, {"environment": "lab"})))) == []
