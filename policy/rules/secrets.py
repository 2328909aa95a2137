"""Rule: inputs that are not marked secret contain no secrets, because the state and previews show plain
inputs.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress

from policy.rules.model import Resource, ResourceRule, StackFacts
from providers.resources import is_known
from redaction.secret_names import effective_name, is_secret_name
from redaction.secret_patterns import candidate_patterns

_SECRET_TYPE = "kubernetes:core/v1:Secret"
_MAX_UNPACKED_BYTES = 2**20
"""Maximum size of unpacked user data. Clouds accept less than 64 KiB."""
_SECRET_BY_NAME = "a value with the name of a secret"

_ENCODED = re.compile(r"[A-Za-z0-9+/\s]{16,}={0,2}\s*")
# Assignments in YAML, environment files and shell scripts, options of commands, and pairs of JSON.
_ASSIGNMENT = re.compile(
    r"^[ \t]*(?:-[ \t]+|export[ \t]+|--)?[\"']?(?P<name>[\w.-]{3,60})[\"']?(?::[ \t]|[ \t]*=)[ \t]*"
    r"(?P<quote>[\"']?)(?P<value>[^\s\"'#,;&|)]+)(?P=quote),?[ \t]*$"
    r"|[\"'](?P<key>[\w.-]{3,60})\\*[\"']\s*:\s*\\*[\"'](?P<text>[^\"'\\]+)\\*[\"']",
    re.MULTILINE,
)
_NAME_HINT = re.compile(r"pass|pwd|psk|secret|token|key|credential|connection", re.IGNORECASE)
"""Quick test before the slower search: every secret name contains one of these words."""
_HARMLESS_VALUE = re.compile(
    # Shell variables, template variables, YAML references, paths, and words such as "none" or "required".
    r"[$`{<%\[*&!(].*|(?:/[\w.@-]+)+/?|.*(?:\{\{|\$\{|\$\().*"
    r"|(?:true|false|yes|no|on|off|null|nil|none|required|optional|disabled|enabled|string|str|int|bool|0)?",
    re.IGNORECASE | re.DOTALL,
)


def check_plain_secrets(resource: Resource, facts: StackFacts) -> Iterator[str]:
    """Yield a message for each plain input that contains a secret, also when base64 or gzip hides the
    secret.

    Messages contain the path of the input and never its value.
    """
    if resource.type == _SECRET_TYPE:
        yield from _check_secret_object(resource)
    for path, name, text in _named_texts("", "", resource.inputs):
        if text and is_known(text) and (secret := describe_secret(name, text)):
            yield f"{path}: contains {secret} and is not marked secret; use pulumi.Output.secret"


def describe_secret(name: str, text: str) -> str:
    """Return a description of the secret in a text, judged by its name and content; empty for no secret."""
    if is_secret_name(name) and not _HARMLESS_VALUE.fullmatch(text):
        return _SECRET_BY_NAME
    description = _describe_content(text)
    if not description and _ENCODED.fullmatch(text):
        unpacked = _describe_content(_unpack(text))
        description = f"{unpacked}, encoded" if unpacked else ""
    return description


def _describe_content(text: str) -> str:
    """Return a description of the first secret inside a text; empty for no secret."""
    for pattern in candidate_patterns(text):
        if any(pattern.spans(text)):
            return pattern.description
    if not _NAME_HINT.search(text):
        return ""
    for match in _ASSIGNMENT.finditer(text):
        name, value = (match["name"] or match["key"]), (match["value"] or match["text"])
        if is_secret_name(name) and not _HARMLESS_VALUE.fullmatch(value) and is_known(value):
            return f"{_SECRET_BY_NAME} ({name})"
    return ""


def _check_secret_object(resource: Resource) -> Iterator[str]:
    """Yield a message for each plain value in the data of a Kubernetes Secret."""
    for field in ("data", "stringData"):
        value = resource.inputs.get(field)
        if isinstance(value, dict):
            for key, text in value.items():
                if text and is_known(text):
                    yield f"{field}.{key}: a Secret's content must be marked secret (pulumi.Output.secret)"


def _named_texts(path: str, name: str, value: object) -> Iterator[tuple[str, str, str]]:
    """Yield every text inside a JSON value: its path, the name that describes it, and the text."""
    if isinstance(value, str):
        yield path, name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _named_texts(f"{path}.{key}" if path else str(key), effective_name(value, key), item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _named_texts(f"{path}[{number}]", name, item)


def _unpack(text: str) -> str:
    """Decode base64 and gzip and return the text; empty for text that is not base64."""
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return ""
    with suppress(zlib.error):  # the data is not compressed
        data = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(data, _MAX_UNPACKED_BYTES)
    return data.decode(errors="replace")


RULES = (
    ResourceRule(
        name="no-plain-secret",
        description="Inputs that are not marked secret contain no secret.",
        check=check_plain_secrets,
    ),
)
