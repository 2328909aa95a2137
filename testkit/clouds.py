"""Topology of a small cloud cluster."""

from __future__ import annotations

from assembly import build_topology
from settings import load
from tests.unit.settings.support import with_edits
from tests.unit.settings.wrong_clouds import AWS
from topology.model import Topology


def cloud(**edits: object) -> Topology:
    """Return the topology of an AWS cluster with three control planes and a pool.

    `edits` replaces settings at dotted paths, e.g. `{"pools.general.labels": …}`.
    """
    return build_topology(load(with_edits(AWS, edits)))
