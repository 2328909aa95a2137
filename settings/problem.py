"""Problems of a configuration, as lines that never contain a secret."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from redaction.secret_names import is_secret_name

CLUSTER_KEY = "kubewright:cluster"
"""The key in a stack file's `config` for the settings of the cluster."""
SettingPath = tuple[str | int, ...]
"""The path of a setting: keys of mappings and positions in lists."""
_MAX_VALUE_LENGTH = 80
_SECRET_TEXT = re.compile("PRIVATE KEY|AGE-SECRET-KEY-|@", re.IGNORECASE)
"""Texts that show that a value is, or contains, a secret that was pasted in place of another value."""
# Values below these keys are never shown: they are secrets, or users put secrets there by mistake.
_HIDDEN_KEYS = frozenset({"registries", "values", "username", "password", "private_key_file", "kubeconfig"})


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake in the settings, with a message that names the mistake and the required action.

    `path` is relative to `kubewright:cluster`, such as `pools.workers.taints[0]`. `value` is the wrong
    value as text; empty if it must not be shown.
    """

    path: str
    value: str
    message: str

    def __str__(self) -> str:
        """Return one line: the full path of the setting, its value, the mistake and the required action."""
        where = f"{CLUSTER_KEY}.{self.path}" if self.path else CLUSTER_KEY
        value = f"{self.value}: " if self.value else ""
        return _escape_unprintable(f"{where}: {value}{self.message}")


class SettingsError(Exception):
    """The error for invalid settings. `problems` has all problems, sorted by path."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(
            sorted(dict.fromkeys(problems), key=lambda problem: problem.path)
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))


def _escape_unprintable(text: str) -> str:
    """Return the text with escapes in place of line breaks and control characters.

    A host name in a stack file, for example, can contain such characters.
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def format_path(location: Sequence[str | int]) -> str:
    """Return the location of a setting as text, such as `pools.workers.taints[0]`, with quotes around
    unusual keys.
    """
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        plain = part.replace("_", "").replace("-", "").isalnum()
        key = part if plain else json.dumps(part, ensure_ascii=False)
        text += f".{key}" if text else key
    return text


def displayed_value(location: Sequence[str | int], value: object) -> str:
    """Return a value as text for a problem at `location`; empty if the value may hold a secret."""
    parts = [str(part) for part in location]
    if _HIDDEN_KEYS.intersection(parts) or any(map(is_secret_name, parts)):
        return ""
    if isinstance(value, str):
        # Do not show a key that was pasted in place of a file name either.
        if "\n" in value or len(value) > _MAX_VALUE_LENGTH or _SECRET_TEXT.search(value):
            return ""
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return ""


def suggestion(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return a question that names the most similar known word, or `otherwise` if no word is similar."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {matches[0]}?" if matches else otherwise


def repeated_problems(path: str, values: Sequence[str]) -> Iterator[Problem]:
    """Yield a problem for each value of the list at `path` that an earlier place of the list has too."""
    for position, value in enumerate(values):
        if value in values[:position]:
            yield Problem(f"{path}[{position}]", f'"{value}"', "named twice; remove one")
