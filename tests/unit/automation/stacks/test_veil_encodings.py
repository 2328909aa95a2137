"""A known secret in every encoding that an engine, a plugin, a shell or a file format gives it."""

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

from redaction.redactor import MASK, LineRedactor, Redactor

SECRETS = (
    "p<ss&wörd\"x'y z/+1",
    "it''s a%41\\n+plus \"q\"",
    "plainsecret99",
    "$HOME `x` \\ b\\\\s",
    "ünï-cödé-😀",
)


def go_json(text: str) -> str:
    """As encoding/json of Go writes it."""
    written = json.dumps(text, ensure_ascii=False)
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def shell_words(text: str) -> str:
    """As `printf %q` of a shell writes what has nothing but characters of ASCII in it."""
    return "".join(f"\\{c}" if c in string.punctuation + " " else c for c in text)


def encoded(before: str, after: str = "") -> Callable[[str], str]:
    return lambda text: base64.b64encode(f"{before}{text}{after}".encode()).decode()


def url_safe(text: str) -> str:
    return base64.urlsafe_b64encode(f"{text}??>>".encode()).decode()


def login(text: str) -> str:
    """A registry's login, as a Secret of Kubernetes has it."""
    auths = {"auths": {"r": {"auth": base64.b64encode(f"u:{text}".encode()).decode()}}}
    return base64.b64encode(json.dumps(auths).encode()).decode()


def wrapped(text: str) -> str:
    return base64.encodebytes(b"x" * 50 + text.encode() + b"y" * 30).decode()


ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON of Python": json.dumps,
    "JSON of Python, other scripts": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON of Go": go_json,
    "JSON in JSON": lambda text: go_json(json.dumps(text)),
    "JSON in JSON in JSON": lambda text: go_json(go_json(go_json(text))),
    "JSON, every character": lambda text: "".join(
        f"\\u{int.from_bytes(pair, 'big'):04x}"
        for pair in (lambda b: [b[i : i + 2] for i in range(0, len(b), 2)])(text.encode("utf-16-be"))
    ),
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "address": quote,
    "address, slashes too": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "address in an address": lambda text: quote(quote(text)),
    "JSON in an address": lambda text: quote(go_json(text)),
    "address, every octet": lambda text: "".join(f"%{octet:02x}" for octet in text.encode()),
    "shell": shlex.quote,
    "shell, backslashes": lambda text: "'" + text.replace("'", "'\\''") + "'",
    "shell, words": shell_words,
    "YAML": lambda text: yaml.safe_dump({"a": text}),
    "YAML, '": lambda text: yaml.safe_dump({"a": text}, default_style="'"),
    'YAML, "': lambda text: yaml.safe_dump({"a": text}, default_style='"'),
    "YAML, in lines": lambda text: yaml.safe_dump({"a": "x " * 20 + text}, width=20),
    "page": html.escape,
    "page, every character": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "hexadecimal": lambda text: text.encode().hex(),
    "HEXADECIMAL": lambda text: text.encode().hex().upper(),
    "base64": encoded(""),
    "base64, a line": encoded("", "\n"),
    "base64, second alignment": encoded("a", "b"),
    "base64, third alignment": encoded("user:", "b"),
    "base64, in lines": wrapped,
    "base64 of addresses": url_safe,
    "base64 in an address": lambda text: quote(encoded("u:")(text), safe=""),
    "base64 of base64": lambda text: encoded("abcd")(encoded("u:")(text)),
    "base64 of JSON": lambda text: encoded('{"p":', "}")(go_json(text)),
    "a registry's login": login,
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_veiled_in_every_encoding(secret: str, encoding: str) -> None:
    text = ENCODINGS[encoding](secret)
    veiled = Redactor([secret]).text(f"before {text} after")
    assert MASK in veiled
    # Nothing is left but what stands around it (and of base64, bits of that).
    rest = veiled.replace(MASK, "").removeprefix("before ").removesuffix(" after")
    assert len(rest) <= len(ENCODINGS[encoding]("")) + 8, rest


@settings(deadline=None)
@given(
    secret=st.text(string.ascii_letters + string.digits + "+/%&<>'\"\\ =-_äß", min_size=12, max_size=40),
    names=st.lists(
        st.sampled_from(["JSON of Python", "JSON of Go", "address", "form", "page", "shell"]), max_size=2
    ),
)
def test_a_secret_is_veiled_in_encodings_of_encodings(secret: str, names: list[str]) -> None:
    text = secret
    for name in names:
        text = ENCODINGS[name](text)
    if len(secret.strip()) >= 12:
        assert MASK in Redactor([secret]).text(f"({text})")


def test_every_line_of_a_secret_is_one() -> None:
    veil = Redactor(["name: x\nline-one-short\nhunter22\n  password: s3cr3t\nspec:\n"])
    for line in ("line-one-short", "hunter22", "s3cr3t"):
        assert veil.text(f"  + {line}") == f"  + {MASK}"
    assert veil.text("spec:") == "spec:"


def test_a_key_is_known_whatever_its_lines() -> None:
    choice = random.Random(7)
    body = base64.b64encode(bytes(choice.randrange(256) for _ in range(900))).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    key = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])
    veil = Redactor([key])
    assert veil.text(f"key {body} end") == f"key {MASK} end"
    # The file encoded, in lines: each of them comes as a text of its own.
    for line in base64.encodebytes(key.encode()).decode().splitlines()[:-1]:
        assert veil.text(f"  + {line}") == f"  + {MASK}"
    for at in range(0, len(body) - 76, 76):
        assert veil.text(body[at : at + 76]) == MASK
    for digits in [key.encode().hex()[at : at + 60] for at in range(0, 1200, 60)]:
        assert veil.text(digits) == MASK


def test_a_document_that_is_secret_hides_what_is_secret_in_it() -> None:
    veil = Redactor([json.dumps({"auths": {"r": {"auth": "dTpodW50ZXIyMg==", "email": "someone@example"}}})])
    assert veil.text("auth dTpodW50ZXIyMg==") == f"auth {MASK}"
    assert veil.text("to someone@example") == "to someone@example"


@pytest.mark.parametrize(
    ("text", "veiled"),
    [
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nabc\n-----END PGP PRIVATE KEY BLOCK----- x", f"{MASK} x"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\\nb3Blb", MASK),
        (encoded("", "\nMIIE" + "x" * 90)("-----BEGIN RSA PRIVATE KEY-----"), MASK),
        (encoded("a", "\nMIIE" + "x" * 90)("-----BEGIN RSA PRIVATE KEY-----"), MASK),
        (encoded("ab", "\nMIIE" + "x" * 90)("-----BEGIN RSA PRIVATE KEY-----"), MASK),
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
        ("the basic authentication-of-everybody", "the basic authentication-of-everybody"),
    ],
)
def test_what_looks_like_a_secret_is_veiled_though_nobody_told(text: str, veiled: str) -> None:
    said = Redactor().text(text)
    # Of base64 the first characters may stand: they are the armour's.
    assert said == veiled or (veiled == MASK and said.endswith(MASK) and said[:-8] in text[:40])


def test_inputs_that_are_called_secrets_are_veiled() -> None:
    inputs = {
        "adminPassword": "abc",
        "passwordPolicy": "strict",
        "tokens": ["a"],
        "api_key": "",
        "n": {"pwd": "z"},
    }
    veiled = Redactor().values(inputs)
    assert veiled == {**inputs, "adminPassword": MASK, "n": {"pwd": MASK}}


def test_an_unknown_key_is_veiled_line_by_line() -> None:
    lines = LineRedactor(Redactor())
    said = [
        "  + key: -----BEGIN EC PRIVATE KEY-----",
        "  + Proc-Type: 4,ENCRYPTED\n",
        "",
        "\x1b[38;5;2m  + MHcCAQEEIBmarkedmarked\x1b[0m",
        "  | AwEHoUQDQgmarked==",
        "  + -----END EC PRIVATE KEY-----",
        "  + name: x",
        "-----BEGIN PRIVATE KEY-----",
        "MHcCAQmarked",
        "the key was refused",
        "MHcCAQEE",
    ]
    shown = [lines.line(line) for line in said]
    assert "marked" not in "".join(shown)
    assert shown[6] == "  + name: x"
    assert shown[-2:] == said[-2:]


def test_half_a_character_hinders_nothing() -> None:
    assert Redactor(["hunter22"]).text("\ud800 hunter22") == f"\ud800 {MASK}"


def test_a_thousand_hosts_are_read_in_seconds() -> None:
    """Of a report of 1,000 hosts, with a key and fifty passwords: time on the processor."""
    choice = random.Random(7)
    key = base64.encodebytes(bytes(choice.randrange(256) for _ in range(2400))).decode()
    veil = Redactor([key, *(f"password-number-{number}" for number in range(50))])
    script = "\n".join(f"  - path: /etc/x{n}\n    content: 'a \"b\" %n {n}'" for n in range(150))
    step = {f"input{n}": "urn:pulumi:dev::kubewright::command:remote:Command::cp" for n in range(50)}
    begun = time.process_time()
    for _ in range(100):
        veil.values({**step, "create": script})
    assert time.process_time() - begun < 2.0, "0.2 s on the machine that it was measured on"
