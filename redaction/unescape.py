"""A text as it reads when escapes are taken out of it, and where in the text everything of it stands.

Who escapes a secret (JSON, YAML, a shell, an address, a page) changes single characters of it, in many styles
and one within another. Rather than to know each style of each secret, the text is read back: level by level,
every style at once.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator

LEVELS = 4
"""Escapes within escapes (JSON in JSON in a line of a log), and one for what in a secret looks like one."""

_Replace = Callable[[re.Match[str]], str]
_SPECIAL = re.compile(r"[\\%&']")
_PLAIN = re.compile(r"[^\\%&'\n]*")
# All begin with one of these characters: a search for a set of characters is quick.
_ESCAPE = re.compile(
    r"[\\%&'](?:"
    r"(?<=%)(?P<octets>[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*)"
    r"|(?<=&)(?P<page>(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});)"
    # A quote within quotes: of a shell in two ways, of YAML and SQL.
    r"|(?<=')(?P<quote>\"'\"'|\\''|')"
    r"|(?<=\\)(?:(?P<bytes>(?:x[0-9A-Fa-f]{2}|[0-3][0-7]{2})(?:\\x[0-9A-Fa-f]{2}|\\[0-3][0-7]{2})*)"
    r"|(?P<units>u[0-9A-Fa-f]{4}(?:\\u[0-9A-Fa-f]{4})*)|U(?P<point>[0-9A-Fa-f]{8})"
    # A line of YAML or of a shell that goes on below.
    r"|(?P<fold>\r?\n[ \t]*)"
    r"|(?P<one>[^uUx0-3])))"
)
_ONE = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "e": "\x1b"}
_BYTE = re.compile(r"(?:%|\\x)([0-9A-Fa-f]{2})|\\([0-3][0-7]{2})")
_BREAK = re.compile(r"[\r\n]\s*")


class UnescapedView:
    """A text that was made from another one, `under`, by a pattern; without one, the text itself."""

    __slots__ = ("_pattern", "_places", "_replace", "_under", "text")

    def __init__(
        self,
        text: str,
        under: UnescapedView | None = None,
        pattern: re.Pattern[str] = _BREAK,
        replace: _Replace = str,
    ) -> None:
        self.text = text
        self._under = under
        self._pattern = pattern
        self._replace = replace
        self._places: tuple[list[int], list[tuple[int, int, int]]] | None = None

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where the part from `start` to `end` stands in the first text; `end` is after `start`."""
        if self._under is None:
            return start, end
        return self._under.place(self._source(start)[0], self._source(end - 1)[1])

    def _source(self, position: int) -> tuple[int, int]:
        """What a character of this text was made of."""
        # Only texts in which something was found need it.
        if self._places is None:
            self._places = self._found()
        begins, replaced = self._places
        at = bisect_right(begins, position) - 1
        if at < 0:
            return position, position + 1
        end, source_start, source_end = replaced[at]
        if position < end:
            return source_start, source_end
        return source_end + position - end, source_end + position - end + 1

    def _found(self) -> tuple[list[int], list[tuple[int, int, int]]]:
        begins: list[int] = []
        replaced: list[tuple[int, int, int]] = []
        grown = 0
        assert self._under is not None  # only such a view has sources
        for found in self._pattern.finditer(self._under.text):
            length = len(self._replace(found))
            begin = found.start() + grown
            begins.append(begin)
            replaced.append((begin + length, found.start(), found.end()))
            grown += length - (found.end() - found.start())
        return begins, replaced


def unescaped_views(text: str) -> Iterator[UnescapedView]:
    """The text, and as it reads level by level without its escapes; each with its lines joined, too.

    In all of them `+` is a blank, as in a form's address: whoever looks for words looks for their readings.
    """
    view = UnescapedView(text.replace("+", " "))
    for _ in range(LEVELS + 1):
        yield view
        yield from _joined(view)
        read = _read(view)
        if read is None:
            return
        view = read


def readings(word: str) -> set[str]:
    """The word as it reads in each of these views."""
    if _PLAIN.fullmatch(word):
        return {word.replace("+", " ")}
    return {view.text for view in unescaped_views(word)}


def _read(view: UnescapedView) -> UnescapedView | None:
    """The view with one level of escapes less; None where there are none."""
    if not _SPECIAL.search(view.text):
        return None
    text = _ESCAPE.sub(_plain, view.text)
    return None if text == view.text else UnescapedView(text, view, _ESCAPE, _plain)


def _joined(view: UnescapedView) -> Iterator[UnescapedView]:
    """With nothing for breaks of lines and what indents them, as base64 is wrapped; with blanks, as YAML."""
    if "\n" in view.text:
        yield UnescapedView(_BREAK.sub("", view.text), view, _BREAK, _nothing)
        yield UnescapedView(_BREAK.sub(" ", view.text), view, _BREAK, _blank)


def _plain(found: re.Match[str]) -> str:
    return _character(found).replace("+", " ")


def _character(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "one":
            return _ONE.get(found["one"], found["one"])
        case "fold":
            return ""
        case "quote":
            return "'"
        case "page":
            return html.unescape(found[0])
        case "units":
            return bytes.fromhex(found[0].replace("\\u", "")).decode("utf-16-be", errors="replace")
        case "point":
            number = int(found["point"], 16)
            return chr(number) if number <= 0x10FFFF else ""
    octets = [int(one or eight, 16 if one else 8) for one, eight in _BYTE.findall(found[0])]
    try:
        return bytes(octets).decode()
    except UnicodeDecodeError:
        return bytes(octets).decode("latin-1")


def _nothing(_: re.Match[str]) -> str:
    return ""


def _blank(_: re.Match[str]) -> str:
    return " "
