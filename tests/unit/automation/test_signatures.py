"""Tests of the engine's signatures against literal values.

Other tests write and read values with the same constants, so they would not detect a wrong constant.
"""

from __future__ import annotations

from automation import signatures


def test_signatures_are_those_of_the_engine() -> None:
    """Source of the values: sdk/go/common/resource/sig/sig.go and sdk/go/common/resource/plugin/rpc.go of
    Pulumi.
    """
    assert signatures.SIGNATURE == "4dabf18193072939515e22adb298388d"
    assert signatures.SECRET_SIGNATURE == "1b47061264138c4ac30d75fd1eb44270"
    assert signatures.UNKNOWN == "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def test_secrets_are_distinguished_from_other_special_values() -> None:
    secret = {signatures.SIGNATURE: signatures.SECRET_SIGNATURE, "plaintext": '{"a": [1]}'}
    asset = {signatures.SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": "x"}
    assert [signatures.has_signature(value) for value in (secret, asset, {}, "x")] == [
        True,
        True,
        False,
        False,
    ]
    assert [signatures.is_secret(value) for value in (secret, asset, {}, "x")] == [True, False, False, False]
    assert signatures.reveal(secret) == {"a": [1]}
    assert signatures.reveal("x") == "x"
