"""Tests that unknown private keys are masked in text that arrives line by line."""

from __future__ import annotations

from redaction import MASK
from redaction.redactor import LineRedactor, Redactor


def test_line_of_letters_outside_of_a_key_is_not_masked() -> None:
    assert LineRedactor(Redactor()).redact_line("MHcCAQEE") == "MHcCAQEE"


def test_key_that_begins_after_the_end_of_another_is_masked() -> None:
    lines = LineRedactor(Redactor())
    lines.redact_line("-----END PRIVATE KEY----- -----BEGIN PRIVATE KEY-----")
    assert lines.redact_line("MHcCAQEE") == MASK


def test_unknown_key_is_masked_line_by_line() -> None:
    lines = LineRedactor(Redactor())
    printed = [
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
    shown = [lines.redact_line(line) for line in printed]
    assert "marked" not in "".join(shown)
    assert shown[:6] == [f"  + key: {MASK}", MASK, MASK, MASK, MASK, MASK]
    assert shown[6] == "  + name: x"
    assert shown[-2:] == printed[-2:]


def test_last_line_of_a_key_with_the_end_of_the_key_is_masked() -> None:
    lines = LineRedactor(Redactor())
    lines.redact_line("-----BEGIN EC PRIVATE KEY-----")
    assert lines.redact_line("AwEHoUQDQgmarked== -----END EC PRIVATE KEY-----") == MASK
    assert lines.redact_line("MHcCAQEE") == "MHcCAQEE"
