"""Tests that known secrets are masked in every encoding that engines, plugins, shells and files use."""

from __future__ import annotations

import base64
import html
import json
import random
import shlex
import string
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from redaction import MASK
from redaction.redactor import Redactor

SECRETS = (
    "p<ss&wörd\"x'y z/+1",
    "it''s a%41\\n+plus \"q\"",
    "plainsecret99",
    "$HOME `x` \\ b\\\\s",
    "ünï-cödé-😀",
    "q>u<o&t-e9/x",
    "x y/z w9",
)


def go_json(text: str) -> str:
    """Encode a text like encoding/json of Go."""
    encoded = json.dumps(text, ensure_ascii=False)
    return encoded.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def shell_backslashes(text: str) -> str:
    """Quote an ASCII text like `printf %q` of a shell."""
    return "".join(f"\\{c}" if c in string.punctuation + " " else c for c in text)


def base64_with(before: str, after: str = "") -> Callable[[str], str]:
    return lambda text: base64.b64encode(f"{before}{text}{after}".encode()).decode()


def url_safe(text: str) -> str:
    return base64.urlsafe_b64encode(f"{text}??>>".encode()).decode()


def registry_login(text: str) -> str:
    """Encode a text as the registry login in a Kubernetes Secret."""
    auths = {"auths": {"r": {"auth": base64.b64encode(f"u:{text}".encode()).decode()}}}
    return base64.b64encode(json.dumps(auths).encode()).decode()


def octal(text: str) -> str:
    """Quote a text like Git: octal numbers for the octets of characters that are not ASCII."""
    quoted = text.translate({ord("\\"): "\\\\", ord('"'): '\\"'})
    return "".join(c if c.isascii() else "".join(f"\\{octet:03o}" for octet in c.encode()) for c in quoted)


def wrapped_base64(text: str) -> str:
    return base64.encodebytes(b"x" * 50 + text.encode() + b"y" * 30).decode()


ENCODINGS: dict[str, Callable[[str], str]] = {
    "unchanged": str,
    "JSON of Python": json.dumps,
    "JSON of Python, not ASCII": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON of Go": go_json,
    "JSON in JSON": lambda text: go_json(json.dumps(text)),
    "JSON in JSON in JSON": lambda text: go_json(go_json(go_json(text))),
    "JSON, every character": lambda text: "".join(
        f"\\u{int.from_bytes(pair, 'big'):04x}"
        for pair in (lambda b: [b[i : i + 2] for i in range(0, len(b), 2)])(text.encode("utf-16-be"))
    ),
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "URL": quote,
    "URL, slashes too": lambda text: quote(text, safe=""),
    "form URL": quote_plus,
    "URL in a URL": lambda text: quote(quote(text)),
    "JSON in a URL": lambda text: quote(go_json(text)),
    "URL, every octet": lambda text: "".join(f"%{octet:02x}" for octet in text.encode()),
    "shell quotes": shlex.quote,
    "shell quotes, backslashes": lambda text: "'" + text.replace("'", "'\\''") + "'",
    "shell backslashes": shell_backslashes,
    "YAML": lambda text: yaml.safe_dump({"a": text}),
    "YAML, single quotes": lambda text: yaml.safe_dump({"a": text}, default_style="'"),
    "YAML, double quotes": lambda text: yaml.safe_dump({"a": text}, default_style='"'),
    "YAML, folded lines": lambda text: yaml.safe_dump({"a": "x " * 20 + text}, width=20),
    "octal": octal,
    "HTML": html.escape,
    "HTML, every character": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "hexadecimal, lower case": lambda text: text.encode().hex(),
    "hexadecimal, upper case": lambda text: text.encode().hex().upper(),
    "base64": base64_with(""),
    "base64 with a line end": base64_with("", "\n"),
    "base64, second alignment": base64_with("a", "b"),
    "base64, third alignment": base64_with("user:", "b"),
    "base64, wrapped lines": wrapped_base64,
    "URL-safe base64": url_safe,
    "base64 in a URL": lambda text: quote(base64_with("u:")(text), safe=""),
    "base64 of base64": lambda text: base64_with("abcd")(base64_with("u:")(text)),
    "base64 of JSON": lambda text: base64_with('{"p":', "}")(go_json(text)),
    "base64 of JSON of Python": lambda text: base64_with('{"p":', "}")(json.dumps(text)),
    "base64 of a URL": lambda text: base64_with("https://u:")(quote(text)),
    "base64 of a URL, slashes too": lambda text: base64_with("https://u:")(quote(text, safe="")),
    "base64 of a form URL": lambda text: base64_with("https://u:")(quote_plus(text)),
    "base64 of HTML": lambda text: base64_with("<p>")(html.escape(text)),
    "registry login": registry_login,
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("secret", SECRETS)
def test_known_secret_is_masked_in_every_encoding(secret: str, encoding: str) -> None:
    text = ENCODINGS[encoding](secret)
    redacted = Redactor([secret]).redact(f"before {text} after")
    assert MASK in redacted
    # Only the text around the secret is left. Base64 may leave a few characters of that text.
    rest = redacted.replace(MASK, "").removeprefix("before ").removesuffix(" after")
    assert len(rest) <= len(ENCODINGS[encoding]("")) + 8, rest


@settings(deadline=None)
@given(
    secret=st.text(string.ascii_letters + string.digits + "+/%&<>'\"\\ =-_äß", min_size=12, max_size=40),
    names=st.lists(
        st.sampled_from(["JSON of Python", "JSON of Go", "URL", "form URL", "HTML", "shell quotes"]),
        max_size=2,
    ),
)
def test_known_secret_is_masked_in_nested_encodings(secret: str, names: list[str]) -> None:
    text = secret
    for name in names:
        text = ENCODINGS[name](text)
    if len(secret.strip()) >= 12:
        assert MASK in Redactor([secret]).redact(f"({text})")


def test_every_line_of_a_secret_is_masked() -> None:
    redactor = Redactor(["name: x\nline-one-short\nhunter22\n  password: s3cr3t\nspec:\n"])
    for line in ("line-one-short", "hunter22", "s3cr3t"):
        assert redactor.redact(f"  + {line}") == f"  + {MASK}"
    assert redactor.redact("spec:") == "spec:"


def test_known_key_is_masked_with_any_line_length() -> None:
    generator = random.Random(7)
    body = base64.b64encode(bytes(generator.randrange(256) for _ in range(900))).decode()
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    key = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])
    redactor = Redactor([key])
    assert redactor.redact(f"key {body} end") == f"key {MASK} end"
    # Lines of the encoded file, each redacted as a separate text.
    for line in base64.encodebytes(key.encode()).decode().splitlines()[:-1]:
        assert redactor.redact(f"  + {line}") == f"  + {MASK}"
    for start in range(0, len(body) - 76, 76):
        assert redactor.redact(body[start : start + 76]) == MASK
    for digits in [key.encode().hex()[start : start + 60] for start in range(0, 1200, 60)]:
        assert redactor.redact(digits) == MASK


def test_known_key_with_short_lines_is_masked_with_longer_lines() -> None:
    generator = random.Random(7)
    body = base64.b64encode(bytes(generator.randrange(256) for _ in range(300))).decode()
    redactor = Redactor(["\n".join(body[start : start + 30] for start in range(0, len(body), 30))])
    for start in range(0, len(body) - 76, 76):
        assert redactor.redact(body[start : start + 76]) == MASK


def test_43_characters_of_a_long_word_are_masked() -> None:
    word = "".join(random.Random(7).choices(string.ascii_letters, k=44))
    assert Redactor([word]).redact(f"({word[1:]})") == f"({MASK})"
    assert Redactor([word]).redact(f"({word[:-1]})") == f"({MASK})"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("a:\n  hunter\n  twenty two\nb", f"a:\n  {MASK}\nb"),
        ("a:\n  hunter\\u0020twenty\\x20two\nb", f"a:\n  {MASK}\nb"),
        ("x\\n\\ud800 hunter twenty two y", f"x\\n\\ud800 {MASK} y"),
        (f"auth {base64_with('u:', ':v')('hunter twenty two')} x", f"auth {MASK} x"),
        (f"x_{b'hunter twenty two'.hex()}_y", f"x_{MASK}_y"),
    ],
)
def test_exactly_the_secret_is_masked(text: str, redacted: str) -> None:
    assert Redactor(["hunter twenty two"]).redact(text) == redacted


@pytest.mark.parametrize("ensure_ascii", [False, True])
def test_encoded_json_of_a_secret_is_masked_from_the_first_to_the_last_character(ensure_ascii: bool) -> None:
    secret = 'ü"hunter"é'
    digits = json.dumps(secret, ensure_ascii=ensure_ascii)[1:-1].encode().hex()
    assert Redactor([secret]).redact(f"({digits})") == f"({MASK})"


@pytest.mark.parametrize("before", ["", "\ud800 "])
def test_secrets_that_overlap_are_masked_together(before: str) -> None:
    redactor = Redactor(["hunter twenty two", "two ducks and a fox"])
    assert redactor.redact(f"{before}(hunter twenty two ducks and a fox)") == f"{before}({MASK})"


def test_secret_that_contains_another_is_masked_completely() -> None:
    redactor = Redactor(["hunter", "the hunter waits"])
    assert redactor.redact("(the hunter waits)(hunter)") == f"({MASK})({MASK})"


@pytest.mark.parametrize(
    "document",
    ["login: {user: someone, token: hunter22}", '{"a": {"passwords": ["other-1", "hunter22"]}}'],
)
def test_secret_values_on_one_line_of_a_document_are_masked(document: str) -> None:
    redactor = Redactor([document])
    assert redactor.redact("hunter22 of someone") == f"{MASK} of someone"


def test_secret_values_inside_a_secret_document_are_masked() -> None:
    redactor = Redactor(
        [json.dumps({"auths": {"r": {"auth": "dTpodW50ZXIyMg==", "email": "someone@example"}}})]
    )
    assert redactor.redact("auth dTpodW50ZXIyMg==") == f"auth {MASK}"
    assert redactor.redact("to someone@example") == "to someone@example"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nabc\n-----END PGP PRIVATE KEY BLOCK----- x", f"{MASK} x"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\\nb3Blb", MASK),
        (base64_with("", "\nMIIE" + "x" * 90)("-----BEGIN RSA PRIVATE KEY-----"), MASK),
        (base64_with("a", "\nMIIE" + "x" * 90)("-----BEGIN RSA PRIVATE KEY-----"), MASK),
        (base64_with("ab", "\nMIIE" + "x" * 90)("-----BEGIN RSA PRIVATE KEY-----"), MASK),
        (f"x ghp_{'a' * 36}", f"x {MASK}"),
        (f"x glpat-{'a' * 20}", f"x {MASK}"),
        ("id AKIAABCDEFGHIJKLMNOP", f"id {MASK}"),
        ("eyJhbGciOiJI.eyJzdWIiOiIx.abcdefghijk", MASK),
        ("xoxb-123456789012-abcdefghijkl", MASK),
        ("postgres://user:hunter22@db/x", f"postgres://{MASK}@db/x"),
        ("https://user:${PASSWORD}@db/x", "https://user:${PASSWORD}@db/x"),
        ("https://a/c?sv=2022&sig=" + "a" * 43 + "%3D", f"https://a/c?sv=2022&sig={MASK}"),
        ('{"r":{"auth":"dXNlcjpodW50ZXIyMg=="}}', f'{{"r":{{"auth":"{MASK}"}}}}'),
        ("Authorization: Bearer abcdefghijklmn0p", f"Authorization: Bearer {MASK}"),
        ("token abcdef.0123456789abcdef.", f"token abcdef.{MASK}."),
        ("the basic authentication-of-all-users", "the basic authentication-of-all-users"),
    ],
)
def test_unknown_secrets_are_masked_by_their_syntax(text: str, redacted: str) -> None:
    output = Redactor().redact(text)
    # The first characters of base64 may stay: they encode the first line of the PEM file.
    assert output == redacted or (redacted == MASK and output.endswith(MASK) and output[:-8] in text[:40])


def test_several_kinds_of_unknown_secrets_in_one_text_are_masked() -> None:
    text = f"AKIAABCDEFGHIJKLMNOP ghp_{'a' * 36} hvs.{'b' * 24} x"
    assert Redactor().redact(text) == f"{MASK} {MASK} {MASK} x"


def test_inputs_with_secret_names_are_masked() -> None:
    inputs = {
        "adminPassword": "abc",
        "passwordPolicy": "strict",
        "tokens": ["a"],
        "api_key": "",
        "n": {"pwd": "z"},
    }
    redacted = Redactor().redact_value(inputs)
    assert redacted == {**inputs, "adminPassword": MASK, "n": {"pwd": MASK}}


def test_only_the_value_of_a_pair_with_a_secret_name_is_masked() -> None:
    pair = {"name": "DB_PASSWORD", "value": "abc", "description": "of the database"}
    assert Redactor().redact_value(pair) == {**pair, "value": MASK}


def test_unpaired_surrogates_are_searched_too() -> None:
    assert Redactor(["hunter22"]).redact("\ud800 hunter22") == f"\ud800 {MASK}"


def test_report_of_a_thousand_hosts_is_redacted_in_seconds() -> None:
    """Measure the processor time of redacting 100 steps with a key and fifty passwords."""
    generator = random.Random(7)
    key = base64.encodebytes(bytes(generator.randrange(256) for _ in range(2400))).decode()
    redactor = Redactor([key, *(f"password-number-{number}" for number in range(50))])
    script = "\n".join(f"  - path: /etc/x{n}\n    content: 'a \"b\" %n {n}'" for n in range(150))
    step = {f"input{n}": "urn:pulumi:dev::kubewright::command:remote:Command::cp" for n in range(50)}
    start = time.process_time()
    for _ in range(100):
        redactor.redact_value({**step, "create": script})
    assert time.process_time() - start < 2.0, "takes 0.2 s on the reference machine"
