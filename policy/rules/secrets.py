"""No secret in an input that is not marked as one: it would stand in the state and in every preview."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator
from contextlib import suppress

from policy.rules.forms import FORMS, TOKENS, named
from policy.rules.model import Resource, ResourceRule, Stack, decided

_ALL = (*FORMS, *((each.form, each.what) for each in TOKENS))
_USER_DATA = ("userData", "userDataBase64", "customData")
_SECRET_OBJECT = "kubernetes:core/v1:Secret"
_LONGEST = 2**20
"""Bytes that are unpacked of user data at most; both clouds take less than 64 KiB."""


def plain(resource: Resource, stack: Stack) -> Iterator[str]:
    """Every text in the inputs, user data unpacked; messages name the place and never the value."""
    if resource.kind == _SECRET_OBJECT:
        yield from _secret_object(resource)
    for path, key, text in _texts("", "", resource.inputs):
        if not decided(text):
            continue
        found = next((what for form, what in _ALL if form.search(text)), "")
        if not found and key in _USER_DATA:
            unpacked = _unpacked(text)
            found = next((f"{what}, encoded" for form, what in _ALL if form.search(unpacked)), "")
        if not found and text and named(key):
            found = "what its name says is a secret"
        if found:
            yield f"{path}: holds {found} and is not marked secret; use pulumi.Output.secret"


def _secret_object(resource: Resource) -> Iterator[str]:
    for field in ("data", "stringData"):
        value = resource.inputs.get(field)
        if isinstance(value, dict):
            for key, text in value.items():
                if text and decided(text):
                    yield f"{field}.{key}: a Secret's content must be marked secret (pulumi.Output.secret)"


def _texts(path: str, key: str, value: object) -> Iterator[tuple[str, str, str]]:
    """(path, last key, text) of every text in a JSON value."""
    if isinstance(value, str):
        yield path, key, value
    elif isinstance(value, dict):
        # A variable of a container, or a value that Helm is to set: the key is a value, too.
        called = value.get("name")
        for name, item in value.items():
            if name == "value" and isinstance(called, str):
                yield from _texts(f"{path}.{name}", called, item)
                continue
            yield from _texts(f"{path}.{name}" if path else str(name), str(name), item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(f"{path}[{number}]", key, item)


def _unpacked(text: str) -> str:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ""
    with suppress(zlib.error):  # where it is not packed
        data = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(data, _LONGEST)
    return data.decode(errors="replace")


RULES = (
    ResourceRule(
        name="no-plain-secret", description="No secret in an input that is not marked secret.", check=plain
    ),
)
