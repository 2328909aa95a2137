"""Tests that every stage of redaction finds secrets that the other stages miss (see
`redaction/__init__.py`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from redaction import MASK, redactor, search_terms
from redaction.redactor import LineRedactor, Redactor
from redaction.unescape import UnescapedView

SECRET = 'p<ss "word" 99'


def only_original(text: str) -> Iterator[UnescapedView]:
    yield UnescapedView(text)


def test_secret_names_mask_values_that_no_other_stage_recognizes() -> None:
    assert Redactor().redact("x1") == "x1"
    assert Redactor().redact_value({"adminPassword": "x1"}) == {"adminPassword": MASK}


def test_search_terms_find_encoded_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    text = base64.b64encode(f"user:{SECRET}".encode()).decode()
    assert Redactor([SECRET]).redact(text) == MASK
    monkeypatch.setattr(search_terms, "_encodings", lambda _: ())
    assert Redactor([SECRET]).redact(text) == text


def test_unescaping_finds_secrets_in_nested_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps(json.dumps(SECRET))
    assert MASK in Redactor([SECRET]).redact(text)
    monkeypatch.setattr(redactor, "unescaped_views", only_original)
    assert Redactor([SECRET]).redact(text) == text


def test_secret_patterns_find_unregistered_secrets() -> None:
    assert Redactor([SECRET]).redact("id AKIAABCDEFGHIJKLMNOP") == f"id {MASK}"


def test_line_redactor_masks_the_later_lines_of_an_unknown_key() -> None:
    lines = ["-----BEGIN PRIVATE KEY-----", "MHcCAQEEIB"]
    assert Redactor().redact(lines[1]) == lines[1]
    by_line = LineRedactor(Redactor())
    assert [by_line.redact_line(line) for line in lines] == [MASK, MASK]
