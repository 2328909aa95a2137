"""Tests of the references of images."""

from __future__ import annotations

from dataclasses import replace

from testkit.bundles import cluster
from topology.images import pinned_image

COREDNS, DIGEST = "registry.k8s.io/coredns/coredns:v1.14.6", f"sha256:{'a' * 64}"


def test_only_images_with_a_digest_are_pinned() -> None:
    topology = replace(cluster(), image_digests=((COREDNS, DIGEST),))
    assert pinned_image(topology, COREDNS) == f"{COREDNS}@{DIGEST}"
    assert pinned_image(topology, topology.pause_image) == topology.pause_image
