"""The engine's marks: what it writes in JSON where a value is no plain one. Pure.

A secret, an asset or an output is an object with the key `SIGNATURE`, whose value says which of them it is;
beside it stands what it holds. The values are the SDK's own, the names those of pulumi's
`sdk/go/common/resource/sig/sig.go`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pulumi.runtime import rpc

SIGNATURE: str = rpc._special_sig_key
"""`sig.Key`: what has it is no plain object."""
SECRET_SIGNATURE: str = rpc._special_secret_sig
"""`sig.Secret`: with `value` in a request, `ciphertext` or `plaintext` (JSON) in a state or a plan."""
UNKNOWN: str = rpc.UNKNOWN
"""`plugin.UnknownStringValue` (sdk/go/common/resource/plugin/rpc.go): not known before it is made."""


def has_signature(value: object) -> bool:
    """Whether the value is no plain JSON: a secret, and what else the engine marks."""
    return isinstance(value, Mapping) and SIGNATURE in value


def is_secret(value: object) -> bool:
    """Whether the value is marked as a secret, and not as anything else."""
    return isinstance(value, Mapping) and value.get(SIGNATURE) == SECRET_SIGNATURE


def reveal(value: object) -> object:
    """A value of a state that was exported with its secrets (`--show-secrets`)."""
    if isinstance(value, Mapping) and SIGNATURE in value:
        return json.loads(value["plaintext"])
    return value
