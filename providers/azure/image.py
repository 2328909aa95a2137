"""The machines' image: one of the marketplace, one of a gallery, or Debian's own."""

from __future__ import annotations

from pulumi_azure_native.compute import ImageReferenceArgs

from settings.azure import AzureImageSettings

_DEBIAN = ("Debian", "debian-13", "13-gen2")
"""Publisher, offer and sku of Debian's image of the second generation: Trusted Launch boots no other."""


def image(settings: AzureImageSettings) -> ImageReferenceArgs:
    """The reference to the image. Without a version it is the latest: new machines then get a newer one."""
    if settings.id:
        return ImageReferenceArgs(id=settings.id)
    publisher, offer, sku = _DEBIAN
    return ImageReferenceArgs(
        publisher=settings.publisher or publisher,
        offer=settings.offer or offer,
        sku=settings.sku or sku,
        version=settings.version,
    )
