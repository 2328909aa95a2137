"""References of the images that Kubewright itself deploys."""

from __future__ import annotations

from topology.model import Topology

HELPER_IMAGE = "docker.io/library/busybox:1.35"
"""The image of pods that run a short script on a node."""


def pinned_image(topology: Topology, reference: str) -> str:
    """Return the reference of an image, with its digest if the stack pins it."""
    digest = dict(topology.image_digests).get(reference)
    return f"{reference}@{digest}" if digest else reference
