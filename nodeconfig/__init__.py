"""Bundles: what each host must become. Pure functions from the topology to bundles and their text."""

from nodeconfig.component import BundleError
from nodeconfig.roles import bundles, pool_bundle

__all__ = ["BundleError", "bundles", "pool_bundle"]
