"""The templates of `kubewright new`: stack files, and the texts that the values of the user replace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from automation.environment import CHECKOUT
from formats.documents import SAFE_LOADER

_TABLE = Path(__file__).with_name("templates.yaml")


class Template(BaseModel):
    """A template from `templates.yaml`. The comment in that file describes the fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    texts: dict[str, str]
    options: dict[str, str]
    formats: dict[str, str] = {}
    examples: dict[str, str]
    next: list[str]

    def complete(self, given: Mapping[str, str], derived: Mapping[str, str]) -> dict[str, str]:
        """Return the values of all options: the given values of the user, and defaults for the other options.

        `derived` are additional values, such as the name of the stack, to which defaults can refer.
        """
        formatted = {option: self.formats.get(option, "{}").format(value) for option, value in given.items()}
        values = {**derived, **formatted}
        for option, default in self.options.items():
            values.setdefault(option, default.format_map(values))
        return values

    def render(self, values: Mapping[str, str]) -> str:
        """Return the text of the stack file with these values. Raise KeyError if a value is missing."""
        texts = {text: replacement.format_map(values) for text, replacement in self.texts.items()}
        # Replace all texts in one pass, with longer texts first, so that inserted values are not replaced.
        pattern = "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))
        return re.sub(pattern, lambda match: texts[match[0]], (CHECKOUT / self.file).read_text())


@cache
def templates() -> Mapping[str, Template]:
    """Return the templates by name."""
    table = yaml.load(_TABLE.read_text(), Loader=SAFE_LOADER)
    return {name: Template.model_validate(row) for name, row in table.items()}
