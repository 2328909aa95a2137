"""Search terms of known secrets: the exact texts that the redactor searches for.

Search terms are the secret, its lines, the secret values inside it, and its base64 and hexadecimal
encodings. The module `redaction.unescape` handles escapes of single characters.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

import yaml

from formats.documents import parse_yaml
from redaction.secret_names import is_secret_name
from redaction.unescape import unescaped_forms

MIN_LENGTH = 6
"""Minimum number of characters of a search term. Shorter terms would mask large parts of every text."""
_PIECE_LENGTH = 24
_PIECE_STRIDE = 20
"""Distance between the starts of two pieces of a long word. Any 43 consecutive characters of the word then
contain a complete piece.
"""
_LONG_SECRET = 512
"""Number of characters above which a secret is a key or a document. Such secrets are files. They are not
part of another encoded text, so fewer encodings are searched.
"""

_LONG_WORD = re.compile(rf"[A-Za-z0-9+/=_.~-]{{{_PIECE_LENGTH + _PIECE_STRIDE},}}")
_STRUCTURE_LINE = re.compile(r"[\s{}\[\],-]*(?:\"?[\w.-]+\"?\s*[:=]\s*[{\[|>-]*)?[\s{}\[\],]*")
"""Matches a line without a value: brackets, or a YAML key whose value follows on the next lines."""
_ASSIGNMENT = re.compile(r"[\s{,\"'-]*([\w.-]+)[\"']?\s*[:=]\s*[\"']?(.*?)[\"']?,?\s*")
_PEM_BOUNDARY = re.compile(r"\s*-{4,5} ?(?:BEGIN|END) [A-Z0-9 ]+-{4,5}\s*")
_TO_URL_SAFE = str.maketrans("+/", "-_")


def search_terms(secrets: Iterable[str]) -> dict[str, bool]:
    """Return all search terms of these secrets.

    The value of a term is True for encoded terms. The rest of the encoded word around an encoded term is
    secret too.
    """
    terms: dict[str, bool] = {}
    for secret in dict.fromkeys(secrets):
        for part in _secret_parts(secret):
            for term in unescaped_forms(part.strip()):
                # The characters beside a term can change how the edges of the term unescape, so search
                # without the edges.
                terms[term.strip()] = terms[term.strip(" \t\n\\%&'")] = False
        for text, is_encoding in (*_encodings(secret), *_pieces(secret)):
            for term in unescaped_forms(text):
                terms.setdefault(term, is_encoding)
    return {term: is_encoding for term, is_encoding in terms.items() if len(term) >= MIN_LENGTH}


def _secret_parts(secret: str) -> Iterator[str]:
    """Yield the parts of a secret that are secret too: the whole text, its lines, and values with secret
    names.
    """
    yield secret
    lines = secret.splitlines()
    if len(lines) > 1:
        for line in map(str.strip, lines):
            if not _STRUCTURE_LINE.fullmatch(line) and not _PEM_BOUNDARY.fullmatch(line):
                yield line
    for line in lines:
        assignment = _ASSIGNMENT.fullmatch(line)
        if assignment and is_secret_name(assignment[1]):
            yield assignment[2]
    yield from _secrets_in_document(secret)


def _secrets_in_document(secret: str) -> Iterator[str]:
    """Yield the secret values in a secret YAML or JSON document, such as a registry login or a kubeconfig."""
    if not secret.lstrip().startswith(("{", "[")) and ":" not in secret:
        return
    try:
        yield from _named_secrets("", parse_yaml(secret))
    except (yaml.YAMLError, ValueError):
        return  # the secret is not a YAML document


def _named_secrets(name: str, value: object) -> Iterator[str]:
    """Yield the texts with secret names inside a value that has the name `name`."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _named_secrets(str(key), item)
    elif isinstance(value, list):
        for item in value:
            yield from _named_secrets(name, item)
    elif isinstance(value, str) and (is_secret_name(name) or name == "auth" or name.endswith("-key-data")):
        yield value


def _encodings(secret: str) -> Iterator[tuple[str, bool]]:
    """Yield the base64 and hexadecimal encodings of the secret and of its escaped forms."""
    for text in _escaped_forms(secret):
        octets = text.encode(errors="surrogatepass")
        encoded_once = list(_base64_cores(octets))
        encoded_twice = [
            core
            for inner in encoded_once
            for core in _base64_cores(inner.encode())
            if len(secret) <= _LONG_SECRET
        ]
        for core in (*encoded_once, *encoded_twice):
            yield core, True
            yield core.translate(_TO_URL_SAFE), True
            yield from _pieces(core)
            yield from _pieces(core.translate(_TO_URL_SAFE))
        digits = octets.hex()
        for core in (digits, digits.upper()):
            yield core, False
            yield from _pieces(core)


def _escaped_forms(secret: str) -> set[str]:
    """Return the forms of the secret that can occur in a larger encoded text: plain, and escaped by JSON,
    URL or HTML rules.
    """
    text = secret.strip()
    python_json = json.dumps(text)[1:-1]
    plain_json = json.dumps(text, ensure_ascii=False)[1:-1]
    if len(text) > _LONG_SECRET:
        return {text, python_json}
    # The Go package encoding/json also escapes the special characters of HTML.
    go_json = plain_json.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    urls = (quote(text), quote(text, safe=""), quote_plus(text))
    return {text, python_json, plain_json, go_json, *urls, html.escape(text)}


def _base64_cores(octets: bytes) -> Iterator[str]:
    """Yield the base64 characters that encode only these bytes, for each of the three alignments."""
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + octets).decode()
        first = -(-8 * offset // 6)
        last = 8 * (offset + len(octets)) // 6
        yield encoded[first:last]


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Yield pieces of each long word, so that a word that is wrapped into lines of any length is found."""
    joined = "".join(line.strip() for line in text.splitlines() if not _PEM_BOUNDARY.fullmatch(line))
    for candidate in {text, joined}:
        for word in _LONG_WORD.finditer(candidate):
            for start in range(word.start(), word.end() - _PIECE_LENGTH + 1, _PIECE_STRIDE):
                piece = candidate[start : start + _PIECE_LENGTH]
                if not any(piece in public_text for public_text in _PUBLIC_TEXTS):
                    yield piece, True


_PUBLIC_TEXTS = tuple(
    core
    for text in ("BEGIN CERTIFICATE", "END CERTIFICATE", "BEGIN PUBLIC KEY")
    for encoded_once in (list(_base64_cores(f"-----{text}-----\n".encode())),)
    for core in (
        *encoded_once,
        *(again for inner in encoded_once for again in _base64_cores(inner.encode())),
    )
)
"""Encoded first and last lines of certificates and public keys. These lines are not secret."""
