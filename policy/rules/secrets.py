"""No secret in an input that is not marked as one: it would stand in the state and in every preview."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress

from policy.rules.model import Resource, ResourceRule, Stack, decided
from redaction.secret_names import called_in, names_a_secret
from redaction.secret_patterns import candidates

_SECRET_OBJECT = "kubernetes:core/v1:Secret"
_LONGEST = 2**20
"""Bytes that are unpacked of user data at most; both clouds take less than 64 KiB."""
_NAMED = "what its name says is a secret"

_ENCODED = re.compile(r"[A-Za-z0-9+/\s]{16,}={0,2}\s*")
# Lines of YAML, of environments and shells, options of commands; pairs of JSON.
_ASSIGNED = re.compile(
    r"^[ \t]*(?:-[ \t]+|export[ \t]+|--)?[\"']?(?P<name>[\w.-]{3,60})[\"']?(?::[ \t]|[ \t]*=)[ \t]*"
    r"(?P<quote>[\"']?)(?P<value>[^\s\"'#,;&|)]+)(?P=quote),?[ \t]*$"
    r"|[\"'](?P<key>[\w.-]{3,60})\\*[\"']\s*:\s*\\*[\"'](?P<text>[^\"'\\]+)\\*[\"']",
    re.MULTILINE,
)
_LIKELY = re.compile(r"pass|pwd|psk|secret|token|key|credential|connection", re.IGNORECASE)
"""One of these words is in every name of a secret."""
_NO_SECRET = re.compile(
    # What a shell, a template or YAML puts there; a path; what says that there is none, or that it is needed.
    r"[$`{<%\[*&!(].*|(?:/[\w.@-]+)+/?|.*(?:\{\{|\$\{|\$\().*"
    r"|(?:true|false|yes|no|on|off|null|nil|none|required|optional|disabled|enabled|string|str|int|bool|0)?",
    re.IGNORECASE | re.DOTALL,
)


def plain(resource: Resource, stack: Stack) -> Iterator[str]:
    """Every text in the inputs, packed ones unpacked; messages name the place and never the value."""
    if resource.kind == _SECRET_OBJECT:
        yield from _secret_object(resource)
    for path, name, text in _texts("", "", resource.inputs):
        if text and decided(text) and (found := secret_in(name, text)):
            yield f"{path}: holds {found} and is not marked secret; use pulumi.Output.secret"


def secret_in(name: str, text: str) -> str:
    """What secret the text of that name holds, by its name or what it looks like; empty for none."""
    if names_a_secret(name) and not _NO_SECRET.fullmatch(text):
        return _NAMED
    found = _within(text)
    if not found and _ENCODED.fullmatch(text):
        unpacked = _unpacked(text)
        found = f"{inner}, encoded" if (inner := _within(unpacked)) else ""
    return found


def _within(text: str) -> str:
    for form in candidates(text):
        if any(form.within(text)):
            return form.what
    if not _LIKELY.search(text):
        return ""
    for found in _ASSIGNED.finditer(text):
        name, value = (found["name"] or found["key"]), (found["value"] or found["text"])
        if names_a_secret(name) and not _NO_SECRET.fullmatch(value) and decided(value):
            return f"{name}, {_NAMED}"
    return ""


def _secret_object(resource: Resource) -> Iterator[str]:
    for field in ("data", "stringData"):
        value = resource.inputs.get(field)
        if isinstance(value, dict):
            for key, text in value.items():
                if text and decided(text):
                    yield f"{field}.{key}: a Secret's content must be marked secret (pulumi.Output.secret)"


def _texts(path: str, name: str, value: object) -> Iterator[tuple[str, str, str]]:
    """(path, name, text) of every text in a JSON value."""
    if isinstance(value, str):
        yield path, name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            called = called_in(value, key)
            yield from _texts(f"{path}.{key}" if path else str(key), called, item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(f"{path}[{number}]", name, item)


def _unpacked(text: str) -> str:
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
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
