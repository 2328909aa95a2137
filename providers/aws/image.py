"""The machines' image: by id, or the latest of an owner's whose name fits."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import InvokeOptions, Output
from pulumi_aws import Provider, ec2

from settings.aws import AwsImageSettings


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image's id, and the device of its root volume, which is encrypted and sized anew."""

    id: Output[str]
    root: Output[str]


def image(settings: AwsImageSettings, provider: Provider) -> Image:
    """Looks the image up.

    By owner and name it may be another one tomorrow, which would then replace every machine in turn; an
    id stays what it is.
    """
    filters = [ec2.GetAmiFilterArgs(name="state", values=["available"])]
    if settings.id:
        filters.append(ec2.GetAmiFilterArgs(name="image-id", values=[settings.id]))
    else:
        filters += [
            ec2.GetAmiFilterArgs(name="name", values=[settings.name or ""]),
            ec2.GetAmiFilterArgs(name="architecture", values=["x86_64"]),
            ec2.GetAmiFilterArgs(name="virtualization-type", values=["hvm"]),
        ]
    found = ec2.get_ami_output(
        filters=filters,
        owners=[settings.owner] if settings.owner else None,
        most_recent=True,
        # One image by its id is one image, whoever owns it.
        allow_unsafe_filter=bool(settings.id),
        opts=InvokeOptions(provider=provider),
    )
    return Image(id=Output.from_input(settings.id) if settings.id else found.id, root=found.root_device_name)
