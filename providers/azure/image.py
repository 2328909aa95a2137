"""Selection of the machine image: from the marketplace, from a gallery, or the default Debian image."""

from __future__ import annotations

from pulumi_azure_native.compute import ImageReferenceArgs

from settings.azure import AzureImageSettings

_DEBIAN = ("Debian", "debian-13", "13-gen2")
"""Publisher, offer and SKU of a generation 2 image: Trusted Launch does not boot other generations."""


def find_image(settings: AzureImageSettings) -> ImageReferenceArgs:
    """Return the machine image that the settings describe.

    With the version `latest` new machines get the newest image.
    """
    if settings.id:
        return ImageReferenceArgs(id=settings.id)
    publisher, offer, sku = _DEBIAN
    return ImageReferenceArgs(
        publisher=settings.publisher or publisher,
        offer=settings.offer or offer,
        sku=settings.sku or sku,
        version=settings.version,
    )
