"""Bundles: the desired configuration of each host, built from the topology by pure functions."""

from nodeconfig.component import BundleError
from nodeconfig.roles import bundles, pool_bundle

__all__ = ["BundleError", "bundles", "pool_bundle"]
