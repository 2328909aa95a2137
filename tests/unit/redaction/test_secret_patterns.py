"""Tests that every secret pattern matches its examples and does not match similar texts."""

from __future__ import annotations

import pytest

from redaction.secret_patterns import PATTERNS, SecretPattern, candidate_patterns

_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"
_EXAMPLES = {
    "a private key": [
        "-----BEGIN EC PRIVATE KEY-----",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----",
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
    ],
    "an encoded private key": ["LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo="],
    "a PuTTY private key": ["Private-Lines: 8\nAAAA"],
    "an age private key": [f"AGE-SECRET-KEY-1{'Q' * 58}"],
    "a bootstrap token": ["abcdef.0123456789abcdef", "use abcdef.0123456789abcdef."],
    "a kubeconfig private key": [f"client-key-data: {_KEY}", f'{{\\"client-key-data\\": \\"{_KEY}\\"}}'],
    "an encryption key for Secrets": [f"secret: {_KEY[:43]}="],
    "a JSON Web Token": ["eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl"],
    "an authorization header": ["Authorization: Bearer abcdefghijklmn0p", "basic dXNlcjpodW50ZXIyMg=="],
    "an AWS access key": ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"],
    "an AWS signature": [f"https://b/k?X-Amz-Signature={'0a' * 32}"],
    "a storage account key": [f"AccountKey={_KEY}", f"SharedAccessKey={_KEY}="],
    "an Azure signature": [f"?sv=2022&sig={_KEY}%3D"],
    "an Azure client secret": [f"abc8Q~{_KEY[:34]}"],
    "a GitHub token": [f"ghp_{_KEY[:36]}", f"github_pat_{_KEY}{_KEY}"],
    "a GitLab token": [f"glpat-{_KEY[:20]}"],
    "a Slack token": ["xoxb-123456789012-abc"],
    "a Slack webhook URL": ["https://hooks.slack.com/services/T0000000/B0000000/abcdefgh"],
    "a Google API key": [f"AIza{_KEY[:35]}"],
    "a package registry token": [f"npm_{_KEY[:36]}", f"dckr_pat_{_KEY[:27]}", f"pypi-{_KEY}{_KEY}"],
    "a Vault token": [f"hvs.{_KEY}"],
    "a Pulumi token": [f"pul-{'0a' * 20}"],
    "registry credentials": [
        '{"auth":"dXNlcjpodW50ZXIyMg=="}',
        '{\\"auth\\": \\"dXNlcjpodW50ZXIyMg==\\"}',
    ],
    "a password in a URL": ["postgres://user:hunter22@db/x", "https://:hunter22@proxy:3128"],
}


def matching_patterns(text: str) -> set[str]:
    return {each.description for each in candidate_patterns(text) if any(each.spans(text))}


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: str(pattern.description))
def test_every_pattern_matches_an_example(pattern: SecretPattern) -> None:
    examples = [text for text in _EXAMPLES[pattern.description] if any(pattern.spans(text))]
    assert examples
    for text in examples:
        assert pattern in candidate_patterns(f"x {text} y")


def test_every_example_is_recognized_by_its_hints() -> None:
    for description, examples in _EXAMPLES.items():
        for text in examples:
            assert description in matching_patterns(f"x {text} y"), text


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUI=",
        "ghcr.io/a.b docker.io/library.abcdefghijklmnop x.tokens-of-appreciation",
        "https://user:${PASSWORD}@db/x https://user:%s@db/x https://host:6443/path@x oci://r:5000/a@sha256:ab",
        "the basic authentication-of-all-users",
        "secretName: abc",
    ],
)
def test_similar_texts_are_not_secret(text: str) -> None:
    assert matching_patterns(text) == set()


def test_unpaired_surrogates_are_searched_too() -> None:
    assert matching_patterns("\ud800 AKIAIOSFODNN7EXAMPLE") == {"an AWS access key"}
