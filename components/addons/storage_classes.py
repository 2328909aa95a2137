"""Functions for the StorageClasses of all kinds of storage."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi_kubernetes.core.v1 as core

from topology.storage import DEFAULT_CLASS_ANNOTATION, VolumeClass

HOSTNAME_LABEL = "kubernetes.io/hostname"
"""The label with the name of a node."""


def class_annotations(volume_class: VolumeClass) -> dict[str, str]:
    """Return the annotation of the default class; {} for other classes."""
    return {DEFAULT_CLASS_ANNOTATION: "true"} if volume_class.is_default else {}


def topology_terms(nodes: Sequence[str]) -> list[core.TopologySelectorTermArgs] | None:
    """Return the terms that limit a class to these nodes; None for [], all nodes."""
    if not nodes:
        return None
    expression = core.TopologySelectorLabelRequirementArgs(key=HOSTNAME_LABEL, values=list(nodes))
    return [core.TopologySelectorTermArgs(match_label_expressions=[expression])]
