"""Nothing secret in what is shown or kept of a run.

The engine knows what came to it as a secret. It cannot know that an error of a plugin repeats a password,
or that somebody named a resource after one. Here every known secret value is looked for in every text, and
what has the form of a key or a token is veiled even when nobody told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ahocorasick_rs import AhoCorasick

from assembly import registry_credentials
from automation.engine.config import encrypted, within
from automation.engine.program import Engine
from automation.lab_stack import CLUSTER
from redaction.search_terms import SHORTEST, search_terms
from redaction.secret_names import called_in, names_a_secret
from redaction.secret_patterns import candidates
from redaction.unescape import unescaped_views
from settings import Settings, SettingsError, load

MASK = "[secret]"

_BEFORE = re.compile(r"[A-Za-z0-9+/_-]*")
_AFTER = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_BEGUN = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")
_ENDED = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY")
# Base64, or a header; the engine puts signs of changes and of its frames before it, and colours.
_OF_A_KEY = re.compile(
    r"(?:\x1b\[[0-9;]*m|[\s+~|>-])*(?:[A-Za-z0-9+/=]*|[A-Z][\w-]{2,20}: .*)(?:\x1b\[[0-9;]*m|[\s\",])*"
)
_SURROGATE = re.compile("[\ud800-\udfff]")

# Variables of the deployer whose values are secret though their names do not end so.
_SECRET_VARIABLE = re.compile(r"(STORAGE_KEY|SAS|PULUMI_CONFIG_PASSPHRASE)$")
_DIRECTORIES = ("PWD", "OLDPWD")
"""Where a shell is; elsewhere that is short for a password."""


class Redactor:
    """Replaces secrets by `[secret]`. `secrets` are the known values, of any number of lines."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found = search_terms(secrets)
        self._whole = list(found.values())
        # A search whose time does not grow with the number of words: a key alone makes hundreds of them.
        self._known = AhoCorasick(list(found), store_patterns=False) if found else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        if len(text) < SHORTEST:
            return text
        spans = list(self._spans(text))
        spans += [span for form in candidates(text) for span in form.within(text)]
        return _masked(text, spans) if spans else text

    def values(self, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """The same for every text in a JSON value, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                self.text(str(key)): self._named(called_in(value, key), item) for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.values(item) for item in value]
        return value

    def _named(self, name: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
        secret = isinstance(value, str) and value and names_a_secret(name)
        return MASK if secret else self.values(value)

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where known secrets are in the text."""
        if self._known is None:
            return
        for view in unescaped_views(text):
            widest = (0, 0)
            for number, start, end in self._matches(view.text):
                place = view.place(start, end)
                if widest[0] <= place[0] and place[1] <= widest[1]:
                    continue
                if self._whole[number]:
                    place = widest = _widened(text, *place)
                yield place

    def _matches(self, text: str) -> list[tuple[int, int, int]]:
        assert self._known is not None  # asked only then
        try:
            return self._known.find_matches_as_indexes(text, overlapping=True)
        except UnicodeEncodeError:
            return self._known.find_matches_as_indexes(_SURROGATE.sub("?", text), overlapping=True)


class LineRedactor:
    """A veil over a text that comes line by line: of an unknown key, only the first one says what it is."""

    def __init__(self, veil: Redactor) -> None:
        self._veil = veil
        self._inside = False

    def line(self, line: str) -> str:
        """The line without secrets."""
        begun = _BEGUN.search(line)
        if self._inside and not begun:
            ended = _ENDED.search(line)
            # What cannot be of a key ends it, too: it was cut off, or only talked of.
            self._inside = not ended and _OF_A_KEY.fullmatch(line) is not None
            return MASK if self._inside or ended else self._veil.text(line)
        self._inside = begun is not None and not _ENDED.search(line, begun.end())
        return self._veil.text(line)


def _widened(text: str, start: int, end: int) -> tuple[int, int]:
    """The part of the text with the rest of the encoding that it is in: its edges hold bits of the secret."""
    before = _BEFORE.match(text[:start][::-1])
    after = _AFTER.match(text, end)
    return start - (before.end() if before else 0), after.end() if after else end


def _masked(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with one sign for all spans that touch."""
    parts: list[str] = []
    shown = 0
    for start, end in sorted(spans):
        if start > shown or not parts:
            parts += [text[shown:start], MASK]
        shown = max(shown, end)
    return "".join([*parts, text[shown:]])


def of_stack(engine: Engine, plain: Mapping[str, Any]) -> Redactor:
    """The veil over everything that is known to be secret of a stack; `plain` is its `config`, decrypted."""
    config = engine.workspace.config
    secrets = _deployers(engine.environment.variables())
    return Redactor([*secrets, *encrypted(config, plain), *_described(plain)])


def _deployers(variables: Mapping[str, str]) -> Iterator[str]:
    yield from (value for name, value in variables.items() if _is_secret(name))
    yield from _file(variables.get("PULUMI_CONFIG_PASSPHRASE_FILE", ""))


def _is_secret(name: str) -> bool:
    return name not in _DIRECTORIES and bool(names_a_secret(name) or _SECRET_VARIABLE.search(name))


def _described(config: Mapping[str, Any]) -> Iterator[str]:
    """Credentials that the stack file holds in plain text, and the SSH keys that it names."""
    yield from _passwords(config)
    try:
        settings = load(config.get(CLUSTER) or {})
    except SettingsError:
        return  # then nothing is made of them, and its errors do not show them
    for user, password in registry_credentials(settings).values():
        yield from (password, f"{user}:{password}")
    for path in _keys(settings):
        yield from _file(path)


def _passwords(value: object) -> Iterator[str]:
    for each in within(value):
        if isinstance(each, Mapping):
            yield from (
                text for key, text in each.items() if isinstance(text, str) and names_a_secret(str(key))
            )


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
