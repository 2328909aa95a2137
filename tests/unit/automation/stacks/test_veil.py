"""Secrets in every form that a text may give them."""

from __future__ import annotations

import base64
import html
import json
import shlex
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from automation.engine.program import Engine
from automation.environment import Environment
from automation.workspace import Workspace
from redaction.redactor import Redactor, of_stack

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
def test_a_known_secret_is_masked_wherever_it_stands(text: str) -> None:
    veiled = Redactor(["s3cr3t-w0rd"]).text(text)
    assert "s3cr3t" not in veiled
    assert "czNjcjN0" not in veiled
    assert "[secret]" in veiled


def test_secrets_with_quotes_are_found_as_they_are_escaped() -> None:
    secret = 'with "quotes" and \\ in it'
    veiled = Redactor([secret]).text(f"error: {json.dumps(secret)}")
    assert "quotes" not in veiled


ODD = "p<ss&wörd\"x'y z/+1"


@pytest.mark.parametrize(
    "written",
    [
        json.dumps(ODD, ensure_ascii=False),
        json.dumps(json.dumps(ODD)),
        # Go's encoder, which plugins use.
        "p\\u003css\\u0026wörd\\\"x'y z/+1",
        quote(ODD),
        quote(ODD, safe=""),
        quote_plus(ODD),
        html.escape(ODD),
        repr(ODD),
        shlex.quote(ODD),
        ODD.replace("'", "''"),
        ODD.encode().hex(),
        *(
            base64.b64encode(f"{before}{ODD}{after}".encode()).decode()
            for before in ("", "u:", "user:", "ab")
            for after in ("", "\n")
        ),
        base64.urlsafe_b64encode(f"{ODD}??>>".encode()).decode(),
    ],
)
def test_a_secret_is_found_in_what_formats_make_of_it(written: str) -> None:
    assert "[secret]" in Redactor([ODD]).text(f"error: {written} refused")


def test_short_lines_of_a_secret_are_found_in_a_difference() -> None:
    assert Redactor(["first-line\nhunter22\n"]).text("+ hunter22") == "+ [secret]"


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
def test_tokens_are_masked_by_their_form(token: str) -> None:
    assert Redactor().text(f"at https://{token}@example.com") == "at https://[secret]@example.com"


def test_addresses_and_digests_stay() -> None:
    text = f"https://mirror.example.com:8443/files/{'0a' * 32} at 10.0.0.1:6443 user@host a_b"
    assert Redactor().text(text) == text


def test_lines_of_a_key_are_masked_one_by_one() -> None:
    veil = Redactor([KEY])
    assert "bWFya2Vk" not in veil.text("line: bWFya2VkLWtleS1saW5lLW9uZQ==")


def test_keys_and_tokens_are_masked_though_nobody_told() -> None:
    veiled = Redactor().text(f"before {KEY} after abcdef.0123456789abcdef end")
    assert veiled == "before [secret]\n after abcdef.[secret] end"
    assert "bWFya2Vk" not in Redactor().text("cut -----BEGIN EC PRIVATE KEY-----\nbWFya2VkLWtleS1saW5lLW9uZQ")


def test_certificates_stay() -> None:
    text = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
    assert Redactor().text(text) == text


def test_short_words_are_not_looked_for() -> None:
    assert Redactor(["a", "", "lab"]).text("a lab") == "a lab"


def test_values_are_veiled_with_their_keys() -> None:
    veiled = Redactor(["s3cr3t-w0rd"]).values({"s3cr3t-w0rd": ["s3cr3t-w0rd", {"n": 1}], "b": True})
    assert veiled == {"[secret]": ["[secret]", {"n": 1}], "b": True}


def test_all_that_a_stack_knows_is_veiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    (tmp_path / "passphrase").write_text("marked-passphrase-in-a-file\n")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    monkeypatch.setenv("GITHUB_TOKEN", "marked-token-of-github")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "marked-key-of-aws")
    registry = {"endpoint": "https://r", "username": "u", "password": "marked-registry-password"}
    cluster = {
        "name": "x",
        "environment": "lab",
        "network": {"machines": ["10.0.0.0/24"]},
        "control_planes": {"hosts": ["cp-1"], "schedulable": True},
        "artifacts": {"mirror": "https://m"},
        "registries": {"_default": registry},
        "metal": {
            "ssh": {"private_key_file": str(key), "known_hosts_file": str(key)},
            "hosts": {"cp-1": {"address": "10.0.0.5"}},
        },
    }
    environment = Environment(state=tmp_path, cache=tmp_path)
    config = {"kubewright:cluster": cluster}
    veil = of_stack(Engine(environment, Workspace("x", tmp_path, config)), config)
    texts = (
        "marked-passphrase-in-a-file",
        "marked-token-of-github",
        "marked-key-of-aws",
        "marked-registry-password",
        base64.b64encode(b"u:marked-registry-password").decode(),
        "bWFya2VkLWtleS1saW5lLW9uZQ==",
    )
    for text in texts:
        assert veil.text(f"x {text} y") == "x [secret] y"


def test_a_broken_description_is_veiled_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    config = {"kubewright:cluster": {"registries": {"_default": {"password": "marked-registry-password"}}}}
    environment = Environment(state=tmp_path, cache=tmp_path)
    veil = of_stack(Engine(environment, Workspace("x", tmp_path, config)), config)
    assert veil.text("marked-registry-password") == "[secret]"
