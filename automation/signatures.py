"""Signatures: how the engine marks special values in JSON.

A secret, an asset or an output is an object with the key `SIGNATURE`. The value of the key names the kind.
The other keys hold the content. The values come from the SDK, the names from
`sdk/go/common/resource/sig/sig.go` of Pulumi.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pulumi.runtime import rpc

SIGNATURE: str = rpc._special_sig_key
"""`sig.Key`: a JSON object with this key is a special value."""
SECRET_SIGNATURE: str = rpc._special_secret_sig
"""`sig.Secret`: marks a secret. Its content is `value` in requests, `ciphertext` or `plaintext` (JSON) in
states and plans.
"""
UNKNOWN: str = rpc.UNKNOWN
"""`plugin.UnknownStringValue` (sdk/go/common/resource/plugin/rpc.go): a value that is known after the
update.
"""


def has_signature(value: object) -> bool:
    """Check whether the value is a special value, such as a secret or an asset."""
    return isinstance(value, Mapping) and SIGNATURE in value


def is_secret(value: object) -> bool:
    """Check whether the value is marked as a secret."""
    return isinstance(value, Mapping) and value.get(SIGNATURE) == SECRET_SIGNATURE


def reveal(value: object) -> object:
    """Return a value of a state that was exported with `--show-secrets`; a secret as its plain content."""
    if isinstance(value, Mapping) and SIGNATURE in value:
        return json.loads(value["plaintext"])
    return value
