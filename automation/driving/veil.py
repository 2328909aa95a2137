"""Nothing secret in what is shown or kept of a run.

The engine knows what came to it as a secret. It cannot know that an error of a plugin repeats a password,
or that somebody named a resource after one. Here every known secret value is looked for in every text, and
what has the form of a key or a token is veiled even when nobody told.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from automation.engine.program import Engine
from automation.local import CLUSTER
from policy.rules.forms import TOKENS, named
from settings import Settings, SettingsError, load
from settings.bases import is_secure
from topology.build import registry_credentials

MASK = "[secret]"
SHORTEST = 6
"""Characters. Shorter secrets are not looked for: they would veil half of every text."""
_SHORTEST_LINE = 8
_SHORTEST_ENCODED = 8
"""Of base64: six bytes."""

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
# Of a bootstrap token the second half is the secret (kubernetes.io: authenticate with bootstrap tokens).
_TOKEN = re.compile(r"\b([a-z0-9]{6})\.[a-z0-9]{16}\b")

# Variables of the deployer whose values are secret, by the ends of their names.
_SECRET_VARIABLE = re.compile(r"(TOKEN|SECRET|PASSWORD|PASSPHRASE|ACCESS_KEY|ACCOUNT_KEY|PRIVATE_KEY)$")


class Veil:
    """Replaces secrets by `[secret]`. `secrets` are the known values, of any number of lines."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found: set[str] = set()
        for secret in secrets:
            found |= _forms(secret)
        # The longest first: a secret may contain another.
        words = sorted((word for word in found if len(word) >= SHORTEST), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, words))) if words else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        if "PRIVATE KEY" in text:
            text = _PRIVATE_KEY.sub(MASK, text)
        for token in TOKENS:
            if any(sign in text for sign in token.signs):
                text = token.form.sub(MASK, text)
        return _TOKEN.sub(rf"\1.{MASK}", text) if "." in text else text

    def values(self, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """The same for every text in a JSON value, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.values(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.values(item) for item in value]
        return value


def _forms(secret: str) -> set[str]:
    """What a secret looks like in texts: its lines, and what formats and programs make of the whole."""
    lines = [line.strip() for line in secret.splitlines() if len(line.strip()) >= _SHORTEST_LINE]
    found = {form for text in (*lines, secret.strip(), secret) for form in (text, *_escaped(text))}
    for text in {secret, secret.strip()}:
        found |= {
            *map(_inner_json, _escaped(text)),
            quote(text),
            quote(text, safe=""),
            quote_plus(text),
            html.escape(text),
            html.escape(text, quote=False),
            repr(text)[1:-1],
            shlex.quote(text).strip("'"),
            text.replace("'", "''"),
            text.replace("'", "'\\''"),
            text.encode().hex(),
        }
    return {form for form in found if len(form) >= SHORTEST} | _encodings(secret.strip().encode())


def _escaped(text: str) -> set[str]:
    """As in JSON of Python, of most others, and of Go, whose encoder escapes what HTML might read."""
    plain = _inner_json(text, ascii_alone=False)
    go = plain.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return {plain, go, _inner_json(text)}


def _inner_json(text: str, *, ascii_alone: bool = True) -> str:
    return json.dumps(text, ensure_ascii=ascii_alone)[1:-1]


def _encodings(secret: bytes) -> set[str]:
    """What is sure to stand in the base64 of any text with the secret in it: it may begin at three places."""
    found = set()
    for before in range(3):
        shifted = b"\0" * before + secret
        # A group of four has three bytes; those that have others in them, too, are not known.
        first, last = (0 if before == 0 else 4), len(shifted) // 3 * 4
        for encoded in (base64.b64encode(shifted), base64.urlsafe_b64encode(shifted)):
            if last - first >= _SHORTEST_ENCODED:
                found.add(encoded[first:last].decode())
    return found


def of_stack(engine: Engine) -> Veil:
    """The veil over everything that is known to be secret of a stack.

    Raises `UserError` when the stack file has encrypted values and the engine cannot decrypt them.
    """
    variables = engine.environment.variables()
    return Veil([*_deployers(variables), *_encrypted(engine), *_described(engine.workspace.config)])


def _deployers(variables: Mapping[str, str]) -> Iterator[str]:
    yield from (value for name, value in variables.items() if _SECRET_VARIABLE.search(name))
    yield from _file(variables.get("PULUMI_CONFIG_PASSPHRASE_FILE", ""))


def _encrypted(engine: Engine) -> Iterator[str]:
    """The values that the stack file has encrypted, as the engine decrypts them."""
    config = engine.workspace.config
    if not any(is_secure(value) for value in _within(config)):
        return
    shown = json.loads(engine.capture("config", "--json", "--show-secrets"))
    for key, value in config.items():
        # An object is shown as a text, and as an object beside it.
        entry = shown.get(key) or {}
        plain = entry.get("objectValue", entry.get("value"))
        yield from _beside(value, plain)


def _beside(written: object, plain: object) -> Iterator[str]:
    """The plain texts in the places where the file has encrypted ones."""
    if is_secure(written):
        yield plain if isinstance(plain, str) else json.dumps(plain)
    elif isinstance(written, Mapping) and isinstance(plain, Mapping):
        for key, value in written.items():
            yield from _beside(value, plain.get(key))
    elif isinstance(written, list) and isinstance(plain, list):
        for value, text in zip(written, plain, strict=False):
            yield from _beside(value, text)


def _within(value: object) -> Iterator[object]:
    yield value
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for item in items:
        yield from _within(item)


def _described(config: Mapping[str, Any]) -> Iterator[str]:
    """Credentials that the description holds in plain text, and the SSH keys that it names."""
    try:
        settings = load(config.get(CLUSTER) or {})
    except SettingsError:
        # Then nothing is made of them, and its errors do not show them.
        yield from _passwords(config)
        return
    yield from _passwords(config)
    for user, password in registry_credentials(settings).values():
        yield from (password, base64.b64encode(f"{user}:{password}".encode()).decode())
    for path in _keys(settings):
        yield from _file(path)


def _passwords(value: object) -> Iterator[str]:
    for each in _within(value):
        if isinstance(each, Mapping):
            yield from (text for key, text in each.items() if named(str(key)) and isinstance(text, str))


def _keys(settings: Settings) -> set[str]:
    if settings.metal is None:
        return set()
    connections = [settings.metal.connection(name) for name in settings.metal.hosts]
    own = {connection.private_key_file for connection in connections}
    bastions = {each.bastion.private_key_file for each in connections if each.bastion}
    return {path for path in own | bastions if path}


def _file(path: str) -> Iterator[str]:
    try:
        if path:
            yield Path(path).read_text()
    except (OSError, UnicodeDecodeError):
        return  # what cannot be read cannot be shown either
