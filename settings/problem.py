"""What is wrong with a configuration, as readable lines that never show a secret."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from redaction.secret_names import is_secret_name

OBJECT = "kubewright:cluster"
_LONGEST_VALUE = 80
# Values below these keys are never shown: they hold secrets, or what somebody took for their place.
_NEVER_SHOWN = frozenset({"registries", "values", "username", "password", "private_key_file"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `path` is below `kubewright:cluster`; `value` is what stands there ("" : not shown)."""

    path: str
    value: str
    message: str

    def __str__(self) -> str:
        """The problem as one line: where, what stands there, what is wrong and what is allowed."""
        where = f"{OBJECT}.{self.path}" if self.path else OBJECT
        value = f"{self.value}: " if self.value else ""
        return f"{where}: {value}{self.message}"


class SettingsError(Exception):
    """A configuration that cannot be used. `problems` holds all of them, in the order of their paths."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(
            sorted(dict.fromkeys(problems), key=lambda problem: problem.path)
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))


def format_path(location: Sequence[str | int]) -> str:
    """A location in the configuration as text: `pools.workers.taints[0]`; odd keys are quoted."""
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
    """A value as it may be printed in a problem at `location`; "" where it may hold a secret."""
    parts = [str(part) for part in location]
    if _NEVER_SHOWN.intersection(parts) or any(map(is_secret_name, parts)):
        return ""
    if isinstance(value, str):
        # A key or certificate pasted where a file's name belongs must not be repeated either.
        if "\n" in value or len(value) > _LONGEST_VALUE or "PRIVATE KEY" in value or "@" in value:
            return ""
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return ""


def closest_match(word: str, known: Iterable[str]) -> str:
    """The known word that `word` probably stands for; empty when none is near."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else ""
