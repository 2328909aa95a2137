"""Tests of the limits for size and depth of YAML documents."""

from __future__ import annotations

import pytest
import yaml

from formats.documents import parse_yaml

MULTIPLYING = "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))])


@pytest.mark.parametrize(
    "text", ["&a [*a]", MULTIPLYING, "[" * 5000 + "]" * 5000, "a: [", "!!python/object:x {}"]
)
def test_endless_and_invalid_documents_are_rejected(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        parse_yaml(text)


def test_ordinary_aliases_are_expanded() -> None:
    assert parse_yaml("a: &a [1]\nb: *a\n") == {"a": [1], "b": [1]}
