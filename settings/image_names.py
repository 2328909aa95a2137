"""The type of full names of images in settings."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

_IMAGE_NAME = re.compile(
    r"(?:[a-z0-9-]+\.[a-z0-9.-]+|localhost)(?::[0-9]+)?"  # registry
    r"(?:/[a-z0-9._-]+)+"
    r"(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)


def _validate_image_name(text: str) -> str:
    if not _IMAGE_NAME.fullmatch(text) or ":" not in text.rpartition("/")[2]:
        raise ValueError(
            "not the full name of an image; write registry, path and tag or digest, such as "
            "registry.example/team/tool:1.2"
        )
    return text


ImageName = Annotated[
    str,
    AfterValidator(_validate_image_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_IMAGE_NAME.pattern}$"}),
]
