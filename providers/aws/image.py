"""Lookup of machine images: by id, or the newest image of an owner with a matching name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import InvokeOptions, Output
from pulumi_aws import Provider, ec2

from providers.aws.machine_types import EC2_ARCHITECTURES
from settings.aws import AwsImageSettings, AwsSettings
from topology.architectures import AMD64, ARM64


@dataclass(frozen=True, kw_only=True)
class Image:
    """A machine image: its id, and the device of its root volume, which machines encrypt and resize."""

    id: Output[str]
    root_device: Output[str]


def find_images(settings: AwsSettings, provider: Provider) -> Mapping[str, Image]:
    """Return the machine image of each architecture for which the settings describe one."""
    images = {AMD64: settings.image, ARM64: settings.image_arm64}
    return {
        architecture: find_image(image, architecture, provider)
        for architecture, image in images.items()
        if image.is_given
    }


def find_image(settings: AwsImageSettings, architecture: str, provider: Provider) -> Image:
    """Return the machine image that the settings describe, by id or by owner and name.

    EC2 finds no image if the image has another architecture.
    An id always identifies the same image. An owner and a name can match a newer image later: the next `up`
    then replaces all machines one by one.
    """
    filters = [
        ec2.GetAmiFilterArgs(name="state", values=["available"]),
        ec2.GetAmiFilterArgs(name="architecture", values=[EC2_ARCHITECTURES[architecture]]),
    ]
    if settings.id:
        filters.append(ec2.GetAmiFilterArgs(name="image-id", values=[settings.id]))
    else:
        filters += [
            ec2.GetAmiFilterArgs(name="name", values=[settings.name or ""]),
            ec2.GetAmiFilterArgs(name="virtualization-type", values=["hvm"]),
        ]
    ami = ec2.get_ami_output(
        filters=filters,
        owners=[settings.owner] if settings.owner else None,
        most_recent=True,
        # An id identifies one image, so the filter is safe without an owner.
        allow_unsafe_filter=bool(settings.id),
        opts=InvokeOptions(provider=provider),
    )
    id = Output.from_input(settings.id) if settings.id else ami.id
    return Image(id=id, root_device=ami.root_device_name)
