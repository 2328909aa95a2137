"""Every form of a secret: an example that is found by its hints, and what only looks like one."""

from __future__ import annotations

import pytest

from redaction.secret_patterns import PATTERNS, SecretPattern, candidates

_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"
_EXAMPLES = {
    "a private key": [
        "-----BEGIN EC PRIVATE KEY-----",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----",
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
    ],
    "a private key, encoded": ["LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo="],
    "a private key of PuTTY": ["Private-Lines: 8\nAAAA"],
    "a private key of age": [f"AGE-SECRET-KEY-1{'Q' * 58}"],
    "a bootstrap token": ["abcdef.0123456789abcdef", "use abcdef.0123456789abcdef."],
    "a kubeconfig's private key": [f"client-key-data: {_KEY}", f'{{\\"client-key-data\\": \\"{_KEY}\\"}}'],
    "a key of the encryption of Secrets": [f"secret: {_KEY[:43]}="],
    "a signed token": ["eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl"],
    "a token of a request": ["Authorization: Bearer abcdefghijklmn0p", "basic dXNlcjpodW50ZXIyMg=="],
    "an AWS access key": ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"],
    "a signature of AWS": [f"https://b/k?X-Amz-Signature={'0a' * 32}"],
    "a storage account's key": [f"AccountKey={_KEY}", f"SharedAccessKey={_KEY}="],
    "a signature of Azure": [f"?sv=2022&sig={_KEY}%3D"],
    "a client secret of Azure": [f"abc8Q~{_KEY[:34]}"],
    "a forge's token": [f"ghp_{_KEY[:36]}", f"github_pat_{_KEY}{_KEY}", f"glpat-{_KEY[:20]}"],
    "a token of Slack": ["xoxb-123456789012-abc"],
    "an address of Slack's hooks": ["https://hooks.slack.com/services/T0000000/B0000000/abcdefgh"],
    "an API key of Google": [f"AIza{_KEY[:35]}"],
    "a token of a registry": [f"npm_{_KEY[:36]}", f"dckr_pat_{_KEY[:27]}", f"pypi-{_KEY}{_KEY}"],
    "a token of Vault": [f"hvs.{_KEY}"],
    "a token of Pulumi": [f"pul-{'0a' * 20}"],
    "a registry's credentials": [
        '{"auth":"dXNlcjpodW50ZXIyMg=="}',
        '{\\"auth\\": \\"dXNlcjpodW50ZXIyMg==\\"}',
    ],
    "a password in an address": ["postgres://user:hunter22@db/x", "https://:hunter22@proxy:3128"],
}


def found(text: str) -> set[str]:
    return {form.what for form in candidates(text) if any(form.within(text))}


@pytest.mark.parametrize("form", PATTERNS, ids=lambda form: str(form.what))
def test_every_form_is_found(form: SecretPattern) -> None:
    examples = [text for text in _EXAMPLES[form.what] if any(form.within(text))]
    assert examples
    for text in examples:
        assert form in candidates(f"x {text} y")


def test_every_example_is_of_its_form() -> None:
    for what, examples in _EXAMPLES.items():
        for text in examples:
            assert what in found(f"x {text} y"), text


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUI=",
        "ghcr.io/a.b docker.io/library.abcdefghijklmnop x.tokens-of-appreciation",
        "https://user:${PASSWORD}@db/x https://user:%s@db/x https://host:6443/path@x oci://r:5000/a@sha256:ab",
        "the basic authentication-of-everybody",
        "secretName: abc",
    ],
)
def test_what_looks_a_little_like_a_secret_is_none(text: str) -> None:
    assert found(text) == set()


def test_half_a_character_hinders_nothing() -> None:
    assert found("\ud800 AKIAIOSFODNN7EXAMPLE") == {"an AWS access key"}
