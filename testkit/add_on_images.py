"""Images of add-ons for lab tests."""

from __future__ import annotations

from artifacts import images
from artifacts.cache import Cache
from artifacts.catalogue import images_of
from artifacts.progress import Progress


def build_images(*add_ons: str) -> None:
    """Build the images of add-ons that the cache does not have. `up` has a time limit, and the builds can
    take longer.
    """
    for add_on in add_ons:
        for reference in images_of(add_on):
            images.fetch_or_build(reference, Cache.default(), Progress())
