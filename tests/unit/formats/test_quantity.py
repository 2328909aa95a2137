"""Tests of parsing and formatting Kubernetes quantities."""

from __future__ import annotations

from fractions import Fraction

import pytest

from formats.quantity import format_bytes, parse_bytes, parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [("250m", Fraction(1, 4)), ("4Gi", Fraction(4 * 2**30)), ("1.5", Fraction(3, 2)), (".5k", Fraction(500))],
)
def test_quantities_are_parsed_exactly(text: str, value: Fraction) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "Gi", "-1", "1 Gi", "1e3", "1.", "1gi"])
def test_other_texts_are_rejected_with_the_allowed_syntax(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity; allowed: a number"):
        parse_quantity(text)


def test_bytes_are_rounded_up_to_whole_bytes() -> None:
    assert parse_bytes("1500m") == 2


def test_bytes_are_formatted_with_a_binary_suffix() -> None:
    assert [format_bytes(count) for count in (0, 1536, 1536 * 2**20, 2**50)] == [
        "0",
        "1.5Ki",
        "1.5Gi",
        "1024Ti",
    ]
