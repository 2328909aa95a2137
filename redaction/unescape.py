"""Removal of escapes from a text, with a mapping of positions in the result to the original text.

Programs that escape a secret (JSON, YAML, shells, URLs, HTML) change single characters, in many styles and
often several levels deep. Instead of listing every style of every secret, the text is unescaped level by
level, with all styles at once.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator

MAX_LEVELS = 4
"""Maximum levels of escapes: three for JSON in JSON in a log line, and another level for secrets that
contain escapes.
"""

_Replace = Callable[[re.Match[str]], str]
_ESCAPE_CHARACTER = re.compile(r"[\\%&']")
_WITHOUT_ESCAPES = re.compile(r"[^\\%&'\n]*")
# Every escape begins with one of four characters. A search for a character set is fast.
_ESCAPE = re.compile(
    r"[\\%&'](?:"
    r"(?<=%)(?P<url>[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*)"
    r"|(?<=&)(?P<html>(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});)"
    # An escaped quotation mark inside quotation marks, in two styles of shells and in YAML and SQL.
    r"|(?<=')(?P<quote>\"'\"'|\\''|')"
    r"|(?<=\\)(?:(?P<bytes>(?:x[0-9A-Fa-f]{2}|[0-3][0-7]{2})(?:\\x[0-9A-Fa-f]{2}|\\[0-3][0-7]{2})*)"
    r"|(?P<utf16>u[0-9A-Fa-f]{4}(?:\\u[0-9A-Fa-f]{4})*)|U(?P<codepoint>[0-9A-Fa-f]{8})"
    # A YAML or shell line that continues on the next line.
    r"|(?P<fold>\r?\n[ \t]*)"
    r"|(?P<character>[^uUx0-3])))"
)
_CHARACTER_ESCAPES = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "a": "\a",
    "e": "\x1b",
}
_BYTE = re.compile(r"(?:%|\\x)([0-9A-Fa-f]{2})|\\([0-3][0-7]{2})")
_LINE_BREAK = re.compile(r"[\r\n]\s*")


class UnescapedView:
    """A text without some of the escapes, made from the view `source` by replacing a pattern.

    The view of the original text has no source.
    """

    __slots__ = ("_pattern", "_replace", "_replacements", "_source", "text")

    def __init__(
        self,
        text: str,
        source: UnescapedView | None = None,
        pattern: re.Pattern[str] = _LINE_BREAK,
        replace: _Replace = str,
    ) -> None:
        self.text = text
        self._source = source
        self._pattern = pattern
        self._replace = replace
        self._replacements: tuple[list[int], list[tuple[int, int, int]]] | None = None

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the part of the original text that corresponds to `start` to `end` of this text.

        `end` must be greater than `start`.
        """
        if self._source is None:
            return start, end
        return self._source.original_span(self._source_span(start)[0], self._source_span(end - 1)[1])

    def _source_span(self, position: int) -> tuple[int, int]:
        """Return the part of the source text that corresponds to one character of this text."""
        # Compute the replacements only when needed, because most texts contain no match.
        if self._replacements is None:
            self._replacements = self._find_replacements()
        begins, replaced = self._replacements
        at = bisect_right(begins, position) - 1
        if at < 0:
            return position, position + 1
        end, source_start, source_end = replaced[at]
        if position < end:
            return source_start, source_end
        return source_end + position - end, source_end + position - end + 1

    def _find_replacements(self) -> tuple[list[int], list[tuple[int, int, int]]]:
        """Return the replacements that changed the source text to the text of this view.

        The first list contains the start of each replacement in the text of this view. The second list
        contains a tuple for each replacement: its end in the text of this view, and the start and end of the
        replaced part of the source text.
        """
        begins: list[int] = []
        replaced: list[tuple[int, int, int]] = []
        offset = 0
        assert self._source is not None  # the original text has no replacements
        for match in self._pattern.finditer(self._source.text):
            length = len(self._replace(match))
            begin = match.start() + offset
            begins.append(begin)
            replaced.append((begin + length, match.start(), match.end()))
            offset += length - (match.end() - match.start())
        return begins, replaced


def unescaped_views(text: str) -> Iterator[UnescapedView]:
    """Yield the text, then the text with one level of escapes removed, then with two, up to `MAX_LEVELS`.

    A text with several lines is also yielded with its lines joined. In all views a space replaces `+`,
    because `+` is a space in URL-encoded forms. To find a term, search the views for each of its
    `unescaped_forms`.
    """
    view = UnescapedView(text.replace("+", " "))
    for _ in range(MAX_LEVELS + 1):
        yield view
        yield from _join_lines(view)
        unescaped = _unescape_once(view)
        if unescaped is None:
            return
        view = unescaped


def unescaped_forms(term: str) -> set[str]:
    """Return the forms in which a term appears in `unescaped_views`."""
    if _WITHOUT_ESCAPES.fullmatch(term):
        return {term.replace("+", " ")}
    return {view.text for view in unescaped_views(term)}


def _unescape_once(view: UnescapedView) -> UnescapedView | None:
    """Return the view with one level of escapes removed; None when the view has no escapes."""
    if not _ESCAPE_CHARACTER.search(view.text):
        return None
    text = _ESCAPE.sub(_replace_escape, view.text)
    return None if text == view.text else UnescapedView(text, view, _ESCAPE, _replace_escape)


def _join_lines(view: UnescapedView) -> Iterator[UnescapedView]:
    """Yield the view without line breaks (for wrapped base64), then with spaces in their place (for YAML)."""
    if "\n" in view.text:
        yield UnescapedView(_LINE_BREAK.sub("", view.text), view, _LINE_BREAK, _replace_by_nothing)
        yield UnescapedView(_LINE_BREAK.sub(" ", view.text), view, _LINE_BREAK, _replace_by_space)


def _replace_escape(escape: re.Match[str]) -> str:
    return _unescape(escape).replace("+", " ")


def _unescape(escape: re.Match[str]) -> str:
    match escape.lastgroup:
        case "character":
            return _CHARACTER_ESCAPES.get(escape["character"], escape["character"])
        case "fold":
            return ""
        case "quote":
            return "'"
        case "html":
            return html.unescape(escape[0])
        case "utf16":
            return bytes.fromhex(escape[0].replace("\\u", "")).decode("utf-16-be", errors="replace")
        case "codepoint":
            number = int(escape["codepoint"], 16)
            return chr(number) if number <= 0x10FFFF else ""
    octets = [
        int(hexadecimal or octal, 16 if hexadecimal else 8) for hexadecimal, octal in _BYTE.findall(escape[0])
    ]
    try:
        return bytes(octets).decode()
    except UnicodeDecodeError:
        return bytes(octets).decode("latin-1")


def _replace_by_nothing(_: re.Match[str]) -> str:
    return ""


def _replace_by_space(_: re.Match[str]) -> str:
    return " "
