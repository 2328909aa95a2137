"""Types of texts in the settings of Azure."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_LOCATION = re.compile(r"[a-z][a-z0-9]+")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DISK_KEY = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+"
    r"/providers/Microsoft\.Compute/diskEncryptionSets/[^/]+"
)


def _validate_location(text: str) -> str:
    if not _LOCATION.fullmatch(text):
        raise ValueError("not a location; allowed: a short name such as westeurope")
    return text


def _validate_guid(text: str) -> str:
    if not _GUID.fullmatch(text):
        raise ValueError(
            "not an id; allowed: a GUID in lower case, such as 00000000-0000-0000-0000-000000000000"
        )
    return text


def _validate_disk_key(text: str) -> str:
    if text and not _DISK_KEY.fullmatch(text):
        raise ValueError(
            "not the id of a disk encryption set; allowed: /subscriptions/<id>/resourceGroups/<group>"
            "/providers/Microsoft.Compute/diskEncryptionSets/<name>"
        )
    return text


Location = Annotated[str, AfterValidator(_validate_location)]
"""Short name of a location, such as `westeurope`."""
Guid = Annotated[str, AfterValidator(_validate_guid)]
"""A GUID in lower case."""
DiskKey = Annotated[str, AfterValidator(_validate_disk_key)]
"""ID of a disk encryption set; empty: none."""
