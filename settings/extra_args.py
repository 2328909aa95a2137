"""Types of `extra_args`: additional flags of a component, which Kubewright passes without checks [D4]."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

_FLAG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# systemd replaces $ and %, and splits a command at spaces, quotes and backslashes.
_VALUE = re.compile(r"[^\s\"'\\$%;]*")


def _validate_flag(text: str) -> str:
    if not _FLAG.fullmatch(text):
        raise ValueError("not the name of a flag; write it without --, such as feature-gates")
    return text


def _parse_value(value: object) -> object:
    # YAML reads `true` and `4` as other types, but flags are text.
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value) if isinstance(value, int | float) else value
    if isinstance(text, str) and not (_VALUE.fullmatch(text) and text.isprintable()):
        raise ValueError(
            "not the value of a flag; allowed: text without spaces, quotes, backslashes, $, % and ;"
        )
    return text


Flag = Annotated[str, AfterValidator(_validate_flag)]
FlagValue = Annotated[
    str, BeforeValidator(_parse_value), WithJsonSchema({"type": ["string", "number", "boolean"]})
]
ExtraArgs = dict[Flag, FlagValue]
"""Values of flags by their names without leading dashes."""
