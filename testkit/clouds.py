"""A small cloud cluster as plain data."""

from __future__ import annotations

from assembly import build_topology
from settings import load
from tests.unit.settings.support import edited
from tests.unit.settings.wrong_clouds import AWS
from topology.model import Topology


def cloud(**edits: object) -> Topology:
    """Return three control planes with etcd and one pool, with the values at dotted paths replaced."""
    return build_topology(load(edited(AWS, edits)))
