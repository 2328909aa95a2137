"""Tests that known secrets, secret patterns and JSON values are redacted."""

from __future__ import annotations

import base64
import html
import json
import shlex
from urllib.parse import quote, quote_plus

import pytest

from redaction import MASK
from redaction.redactor import Redactor

KEY = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\nbWFya2VkLWtleS1saW5lLW9uZQ==\nbWFya2VkLWxpbmUtdHdv\n"
    "-----END OPENSSH PRIVATE KEY-----\n"
)


@pytest.mark.parametrize(
    "text",
    [
        "password s3cr3t-w0rd refused",
        "s3cr3t-w0rd",
        f"auth {base64.b64encode(b's3cr3t-w0rd').decode()}",
        "x" * 5000 + "s3cr3t-w0rd" + "y" * 5000,
    ],
)
def test_known_secret_is_masked_anywhere_in_a_text(text: str) -> None:
    redacted = Redactor(["s3cr3t-w0rd"]).redact(text)
    assert "s3cr3t" not in redacted
    assert "czNjcjN0" not in redacted
    assert MASK in redacted


def test_escaped_quotes_in_a_secret_are_masked() -> None:
    secret = 'with "quotes" and \\ in it'
    redacted = Redactor([secret]).redact(f"error: {json.dumps(secret)}")
    assert "quotes" not in redacted


SECRET_WITH_SYMBOLS = "p<ss&wörd\"x'y z/+1"


@pytest.mark.parametrize(
    "encoded",
    [
        json.dumps(SECRET_WITH_SYMBOLS, ensure_ascii=False),
        json.dumps(json.dumps(SECRET_WITH_SYMBOLS)),
        # This is the output of the JSON encoder of Go, which plugins use.
        "p\\u003css\\u0026wörd\\\"x'y z/+1",
        quote(SECRET_WITH_SYMBOLS),
        quote(SECRET_WITH_SYMBOLS, safe=""),
        quote_plus(SECRET_WITH_SYMBOLS),
        html.escape(SECRET_WITH_SYMBOLS),
        repr(SECRET_WITH_SYMBOLS),
        shlex.quote(SECRET_WITH_SYMBOLS),
        SECRET_WITH_SYMBOLS.replace("'", "''"),
        SECRET_WITH_SYMBOLS.encode().hex(),
        *(
            base64.b64encode(f"{before}{SECRET_WITH_SYMBOLS}{after}".encode()).decode()
            for before in ("", "u:", "user:", "ab")
            for after in ("", "\n")
        ),
        base64.urlsafe_b64encode(f"{SECRET_WITH_SYMBOLS}??>>".encode()).decode(),
    ],
)
def test_known_secret_is_masked_in_common_encodings(encoded: str) -> None:
    assert MASK in Redactor([SECRET_WITH_SYMBOLS]).redact(f"error: {encoded} refused")


def test_single_line_of_a_secret_is_masked_in_a_diff() -> None:
    assert Redactor(["first-line\nhunter22\n"]).redact("+ hunter22") == "+ [secret]"


@pytest.mark.parametrize(
    "token",
    [
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQOY\n-----END PGP PRIVATE KEY BLOCK-----",
        "ghp_" + "a1" * 18,
        "glpat-" + "a1" * 10,
        "AKIAABCDEFGHIJKLMNOP",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijklm",
        "user:hunter22",
    ],
)
def test_tokens_are_masked_by_their_syntax(token: str) -> None:
    assert Redactor().redact(f"at https://{token}@example.com") == "at https://[secret]@example.com"


def test_addresses_and_digests_are_not_masked() -> None:
    text = f"https://mirror.example.com:8443/files/{'0a' * 32} at 10.0.0.1:6443 user@host a_b"
    assert Redactor().redact(text) == text


def test_single_line_of_a_known_key_is_masked() -> None:
    redactor = Redactor([KEY])
    assert "bWFya2Vk" not in redactor.redact("line: bWFya2VkLWtleS1saW5lLW9uZQ==")


def test_unknown_keys_and_tokens_are_masked() -> None:
    redacted = Redactor().redact(f"before {KEY} after abcdef.0123456789abcdef end")
    assert redacted == "before [secret]\n after abcdef.[secret] end"
    assert "bWFya2Vk" not in Redactor().redact(
        "cut -----BEGIN EC PRIVATE KEY-----\nbWFya2VkLWtleS1saW5lLW9uZQ"
    )


def test_certificates_are_not_masked() -> None:
    text = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
    assert Redactor().redact(text) == text


def test_short_secrets_are_not_searched() -> None:
    assert Redactor(["a", "", "lab"]).redact("a lab") == "a lab"


def test_keys_and_values_of_json_are_redacted() -> None:
    redacted = Redactor(["s3cr3t-w0rd"]).redact_value({"s3cr3t-w0rd": ["s3cr3t-w0rd", {"n": 1}], "b": True})
    assert redacted == {"[secret]": ["[secret]", {"n": 1}], "b": True}


def test_characters_before_an_escape_are_not_masked() -> None:
    assert Redactor(["hunter twenty two"]).redact("(hunter twenty two) a\\u0020b") == f"({MASK}) a\\u0020b"


@pytest.mark.parametrize("secret", ["ab1\ncd2", "ab1\tcd2"])
def test_secret_with_an_escaped_control_character_is_masked(secret: str) -> None:
    assert Redactor([secret]).redact(f"({json.dumps(secret)})") == f'("{MASK}")'


def test_escape_of_a_number_that_is_no_character_does_not_stop_the_redaction() -> None:
    assert Redactor(["hunter22"]).redact("\\U00110000 hunter22") == f"\\U00110000 {MASK}"


def test_url_safe_base64_of_a_secret_is_masked_with_the_characters_beside_it() -> None:
    encoded = base64.urlsafe_b64encode(b"user:??>>hunter~~:x").decode()
    assert "_" in encoded
    assert Redactor(["??>>hunter~~"]).redact(f"({encoded})") == f"({MASK})"


def test_key_inside_a_secret_kubeconfig_is_masked() -> None:
    redactor = Redactor(["users: [{user: {client-key-data: hunter22, client-certificate: someone}}]"])
    assert redactor.redact("hunter22 of someone") == f"{MASK} of someone"


def test_secret_with_a_colon_is_masked() -> None:
    assert Redactor(["hunter:22"]).redact("(hunter:22)") == f"({MASK})"
