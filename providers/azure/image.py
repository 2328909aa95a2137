"""Selection of machine images: from the marketplace, or from a gallery."""

from __future__ import annotations

from collections.abc import Mapping

from pulumi_azure_native.compute import ImageReferenceArgs

from settings.azure import AzureImageSettings, AzureSettings
from topology.architectures import AMD64, ARM64


def find_images(settings: AzureSettings) -> Mapping[str, ImageReferenceArgs]:
    """Return the machine image of each architecture for which the settings describe one."""
    images = {AMD64: settings.image, ARM64: settings.image_arm64}
    return {architecture: find_image(image) for architecture, image in images.items() if image.is_given}


def find_image(settings: AzureImageSettings) -> ImageReferenceArgs:
    """Return the machine image that the settings describe.

    With the version `latest` new machines get the newest image.
    """
    if settings.id:
        return ImageReferenceArgs(id=settings.id)
    return ImageReferenceArgs(
        publisher=settings.publisher, offer=settings.offer, sku=settings.sku, version=settings.version
    )
