"""Settings that the CSI drivers of volumes outside the cluster share."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from settings.storage_classes import StorageClassSettings
from settings.types import HttpsUrl, NonEmpty, Version, validate_subdomain

_OPTION = re.compile(r"[A-Za-z0-9_.:=/@+-]+")
_EXPORT = re.compile(r"(/|(/[A-Za-z0-9_.@+-]+)+/?)")


def validate_server(text: str) -> str:
    """Return `text` if it is an IPv4 address or a DNS name. Raise ValueError otherwise."""
    try:
        return str(IPv4Address(text))
    except ValueError:
        pass
    if re.fullmatch(r"[0-9.]+", text):
        raise ValueError("not an IPv4 address; allowed: four numbers from 0 to 255, or a DNS name")
    return validate_subdomain(text)


def _validate_export(text: str) -> str:
    if not _EXPORT.fullmatch(text) or ".." in text.split("/"):
        raise ValueError(
            "not a path on a server; allowed: an absolute path of letters, digits and ._@+-, such as "
            "/srv/data"
        )
    return text if text == "/" else text.rstrip("/")


def _validate_option(text: str) -> str:
    if not _OPTION.fullmatch(text):
        raise ValueError("not one mount option; allowed: NAME or NAME=VALUE, each in an item of the list")
    return text


Server = Annotated[str, AfterValidator(validate_server), WithJsonSchema({"type": "string", "minLength": 1})]
ExportPath = Annotated[
    str, AfterValidator(_validate_export), WithJsonSchema({"type": "string", "pattern": "^/"})
]
MountOption = Annotated[
    str,
    AfterValidator(_validate_option),
    WithJsonSchema({"type": "string", "pattern": f"^{_OPTION.pattern}$"}),
]


class DriverSettings(StorageClassSettings):
    """A CSI driver by its official Helm chart, and its StorageClass."""

    expansion: bool = True
    """Allow the expansion of claims. Volumes cannot shrink."""
    mount_options: tuple[MountOption, ...] = ()
    """Options of the mounts of all volumes of the class."""
    version: Version
    """Version of the chart."""
    repository: HttpsUrl
    """URL of the chart repository, such as a mirror of the official one."""
    chart: NonEmpty
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""
