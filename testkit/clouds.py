"""A small cloud cluster as the dictionary of its settings."""

from __future__ import annotations

from assembly import build_topology
from settings import load
from tests.unit.settings.support import edited
from tests.unit.settings.wrong_clouds import AWS
from topology.model import Topology


def cloud(**edits: object) -> Topology:
    """Return settings of a cluster with three control planes and a pool; `edits` replaces values at dotted
    paths.
    """
    return build_topology(load(edited(AWS, edits)))
