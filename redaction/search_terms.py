"""What is looked for in texts because of a secret: it, its parts that are secret too, and both encoded.

Escapes of single characters are the views' business (`redaction.unescape`); encodings that leave no
character as it was (base64, hexadecimal digits) are words of their own.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

import yaml

from formats.documents import parse
from redaction.secret_names import names_a_secret
from redaction.unescape import readings

SHORTEST = 6
"""Characters. Shorter secrets are not looked for: they would veil half of every text."""
_PIECE = 24
_STRIDE = 20
"""Long words are looked for in pieces, too: 43 characters of one, however it is cut, have a whole piece."""
_LONG = 512
"""Characters. Longer secrets are keys and documents: they stand in files, not in parts of something else."""

_UNBROKEN = re.compile(rf"[A-Za-z0-9+/=_.~-]{{{_PIECE + _STRIDE},}}")
_STRUCTURE = re.compile(r"[\s{}\[\],-]*(?:\"?[\w.-]+\"?\s*[:=]\s*[{\[|>-]*)?[\s{}\[\],]*")
"""A line that holds no value: a bracket, a key of YAML before what stands below it."""
_ASSIGNED = re.compile(r"[\s{,\"'-]*([\w.-]+)[\"']?\s*[:=]\s*[\"']?(.*?)[\"']?,?\s*")
_ARMOUR = re.compile(r"\s*-{4,5} ?(?:BEGIN|END) [A-Z0-9 ]+-{4,5}\s*")
_URL_SAFE = str.maketrans("+/", "-_")


def search_terms(secrets: Iterable[str]) -> dict[str, bool]:
    """All words for these secrets; True for those around which the rest of an encoding is secret, too."""
    found: dict[str, bool] = {}
    for secret in dict.fromkeys(secrets):
        for part in _parts(secret):
            for word in readings(part.strip()):
                # With what stands beside them, such edges read as something else.
                found[word.strip()] = found[word.strip(" \t\n\\%&'")] = False
        for text, whole in (*_encoded(secret), *_pieces(secret)):
            for word in readings(text):
                found.setdefault(word, whole)
    return {word: whole for word, whole in found.items() if len(word) >= SHORTEST}


def _parts(secret: str) -> Iterator[str]:
    """The secret, its lines, and what is secret in it by name."""
    yield secret
    lines = secret.splitlines()
    if len(lines) > 1:
        for line in map(str.strip, lines):
            if not _STRUCTURE.fullmatch(line) and not _ARMOUR.fullmatch(line):
                yield line
    for line in lines:
        found = _ASSIGNED.fullmatch(line)
        if found and names_a_secret(found[1]):
            yield found[2]
    yield from _named(secret)


def _named(secret: str) -> Iterator[str]:
    """The secret texts in a document that is secret as a whole: a registry's login, a kubeconfig."""
    if not secret.lstrip().startswith(("{", "[")) and ":" not in secret:
        return
    try:
        yield from _below("", parse(secret))
    except (yaml.YAMLError, ValueError):
        return  # then it is none


def _below(name: str, value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _below(str(key), item)
    elif isinstance(value, list):
        for item in value:
            yield from _below(name, item)
    elif isinstance(value, str) and (names_a_secret(name) or name == "auth" or name.endswith("-key-data")):
        yield value


def _encoded(secret: str) -> Iterator[tuple[str, bool]]:
    """Base64 and hexadecimal digits of it, as it is and as it stands escaped in what is encoded."""
    for text in _escaped(secret):
        octets = text.encode(errors="surrogatepass")
        inner = list(_base64(octets))
        digits = octets.hex()
        twice = [again for core in inner for again in _base64(core.encode()) if len(secret) <= _LONG]
        for core in (*inner, *twice):
            yield core, True
            yield core.translate(_URL_SAFE), True
            yield from _pieces(core)
            yield from _pieces(core.translate(_URL_SAFE))
        for core in (digits, digits.upper()):
            yield core, False
            yield from _pieces(core)


def _escaped(secret: str) -> set[str]:
    """How it may stand in what is encoded; blanks around it may be there or not."""
    text = secret.strip()
    python, plain = json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]
    if len(text) > _LONG:
        return {text, python}
    # encoding/json of Go escapes what a page could mistake.
    go = plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return {text, python, plain, go, quote(text), quote(text, safe=""), quote_plus(text), html.escape(text)}


def _base64(octets: bytes) -> Iterator[str]:
    """Of its base64, at each of three alignments, what is the same whatever stands before and after it."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + octets).decode()
        first = -(-8 * before // 6)
        last = 8 * (before + len(octets)) // 6
        yield encoded[first:last]


def _pieces(word: str) -> Iterator[tuple[str, bool]]:
    """Parts of what has no blanks: of a key, in lines of any length."""
    joined = "".join(line.strip() for line in word.splitlines() if not _ARMOUR.fullmatch(line))
    for text in {word, joined}:
        for found in _UNBROKEN.finditer(text):
            for begin in range(found.start(), found.end() - _PIECE + 1, _STRIDE):
                piece = text[begin : begin + _PIECE]
                if not any(piece in armour for armour in _PUBLIC):
                    yield piece, True


_PUBLIC = tuple(
    core
    for text in ("BEGIN CERTIFICATE", "END CERTIFICATE", "BEGIN PUBLIC KEY")
    for once in (list(_base64(f"-----{text}-----\n".encode())),)
    for core in (*once, *(again for inner in once for again in _base64(inner.encode())))
)
"""What every certificate begins and ends with."""
