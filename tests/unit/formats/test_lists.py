"""Tests of lists of names in messages."""

from __future__ import annotations

import pytest

from formats.lists import shorten_list


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("", ""),
        ("a", "a"),
        ("abc", "a, b, c"),
        ("abcd", "a, b, c and 1 more"),
        ("abcdef", "a, b, c and 3 more"),
    ],
)
def test_only_a_list_longer_than_the_maximum_is_shortened(names: str, text: str) -> None:
    assert shorten_list(names, 3) == text
