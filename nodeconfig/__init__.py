"""What each host must become: pure functions from the topology to bundles, and bundles to text."""

from nodeconfig.component import BundleError
from nodeconfig.roles import bundles, pool_bundle

__all__ = ["BundleError", "bundles", "pool_bundle"]
