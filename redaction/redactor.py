"""Redactors that mask secrets in texts and JSON values: known secrets, and unknown secrets with a
recognizable syntax.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ahocorasick_rs import AhoCorasick

from redaction import MASK
from redaction.search_terms import MIN_LENGTH, search_terms
from redaction.secret_names import effective_name, is_secret_name
from redaction.secret_patterns import candidate_patterns
from redaction.unescape import unescaped_views

Span = tuple[int, int]
"""The start and end positions of a part of a text."""

_ENCODED_BEFORE = re.compile(r"[A-Za-z0-9+/_-]*")
_ENCODED_AFTER = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY")
# Matches a line of a PEM file: base64 or a header, also with the colors and diff marks that the engine
# adds.
_KEY_LINE = re.compile(
    r"(?:\x1b\[[0-9;]*m|[\s+~|>-])*(?:[A-Za-z0-9+/=]*|[A-Z][\w-]{2,20}: .*)(?:\x1b\[[0-9;]*m|[\s\",])*"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


class Redactor:
    """A redactor that replaces secrets by `MASK`.

    `secrets` are the known secrets. A secret can have several lines.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        terms = search_terms(secrets)
        self._is_encoding = list(terms.values())
        # One private key results in hundreds of terms. This search takes the same time for any number of
        # terms.
        self._searcher = AhoCorasick(list(terms), store_patterns=False) if terms else None

    def redact(self, text: str) -> str:
        """Return the text with every secret replaced by `MASK`."""
        if len(text) < MIN_LENGTH:
            return text
        spans = list(self._known_spans(text))
        spans += [span for pattern in candidate_patterns(text) for span in pattern.spans(text)]
        return _mask_spans(text, spans) if spans else text

    def redact_value(self, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """Return a JSON value with every secret replaced by `MASK`, in keys and in values."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, Mapping):
            return {
                self.redact(str(key)): self._redact_item(effective_name(value, key), item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.redact_value(item) for item in value]
        return value

    def _redact_item(self, name: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """Return the value of a key, redacted; `MASK` for a text whose name is a secret name."""
        is_secret = isinstance(value, str) and value and is_secret_name(name)
        return MASK if is_secret else self.redact_value(value)

    def _known_spans(self, text: str) -> Iterator[Span]:
        """Yield the position of every known secret in the text."""
        if self._searcher is None:
            return
        for view in unescaped_views(text):
            widest = (0, 0)
            for number, start, end in self._matches(self._searcher, view.text):
                span = view.original_span(start, end)
                if widest[0] <= span[0] and span[1] <= widest[1]:
                    continue
                if self._is_encoding[number]:
                    span = widest = _widen_to_encoding(text, *span)
                yield span

    @staticmethod
    def _matches(searcher: AhoCorasick, text: str) -> list[tuple[int, int, int]]:
        """Return all matches in the text, each as the number of the search term, its start and its end."""
        try:
            return searcher.find_matches_as_indexes(text, overlapping=True)
        except UnicodeEncodeError:  # the text contains unpaired surrogates
            return searcher.find_matches_as_indexes(_SURROGATE.sub("?", text), overlapping=True)


class LineRedactor:
    """A redactor for text that arrives line by line.

    After the first line of an unknown private key, the later lines of the key are masked too.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._inside_key = False

    def redact_line(self, line: str) -> str:
        """Return the line with every secret replaced by `MASK`."""
        begin = _KEY_BEGIN.search(line)
        if self._inside_key and not begin:
            end = _KEY_END.search(line)
            # A line that cannot be part of a key also ends the key, because the key was cut off or only
            # mentioned.
            self._inside_key = not end and _KEY_LINE.fullmatch(line) is not None
            return MASK if self._inside_key or end else self._redactor.redact(line)
        self._inside_key = begin is not None and not _KEY_END.search(line, begin.end())
        return self._redactor.redact(line)


def _widen_to_encoding(text: str, start: int, end: int) -> Span:
    """Extend a match to the whole encoded word, because the adjacent characters encode bits of the secret
    too.
    """
    before = _ENCODED_BEFORE.match(text[:start][::-1])
    after = _ENCODED_AFTER.match(text, end)
    return start - (before.end() if before else 0), after.end() if after else end


def _mask_spans(text: str, spans: list[Span]) -> str:
    """Replace each group of overlapping or adjacent spans by one mask."""
    parts: list[str] = []
    position = 0
    for start, end in sorted(spans):
        if start > position or not parts:
            parts += [text[position:start], MASK]
        position = max(position, end)
    return "".join([*parts, text[position:]])
