"""HTTPS downloads with verification, reachability checks, and parsing of published checksum files."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import ssl
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from artifacts.errors import ArtifactError, Unavailable
from artifacts.progress import Progress

PROBE_TIMEOUT = 3.0
"""Seconds that `reachable` waits for a response."""
READ_TIMEOUT = 30.0
"""Seconds that a download waits for more data."""
_CHUNK = 1 << 20
_DIGEST = re.compile(r"^[0-9a-fA-F]{64}$")
_REFUSALS = {403, 407, 451}
"""HTTP statuses with which proxies and sites refuse all requests."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Return None, so that the redirect itself is the response and its target is not contacted."""


@cache
def reachable(host: str, port: int = 443) -> bool:
    """Check whether a host answers over HTTPS, through the proxy of the environment.

    Each process checks a host only once. With `KUBEWRIGHT_OFFICIAL=never` return False without a
    connection.
    """
    if os.environ.get("KUBEWRIGHT_OFFICIAL", "").lower() == "never":
        return False
    request = urllib.request.Request(f"https://{host}:{port}/", method="HEAD")
    try:
        with urllib.request.build_opener(_NoRedirect()).open(request, timeout=PROBE_TIMEOUT):
            return True
    except urllib.error.HTTPError as error:
        return error.code not in _REFUSALS and error.code < 500
    except (OSError, http.client.HTTPException, ValueError):
        return False


def host_and_port(url: str) -> tuple[str, int]:
    """Return the host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts only the CAs in a PEM file, or without a file the CAs of the system.

    Raise ArtifactError for a file without readable certificates.
    """
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise ArtifactError(f"{ca_file}: no readable PEM certificates of an authority ({error})") from None


def fetch_text(url: str, *, tls: ssl.SSLContext | None = None) -> str:
    """Return the text of the file at a URL. Raise Unavailable with a message of one line."""
    try:
        with urllib.request.urlopen(url, timeout=READ_TIMEOUT, context=tls) as response:
            body: bytes = response.read()
            return body.decode()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(f"{url}: {failure_reason(error)}") from None


def download(
    url: str, target: Path, digest: str, progress: Progress, *, tls: ssl.SSLContext | None = None
) -> None:
    """Download the file at a URL to `target` and verify that its sha256 is `digest` (hex).

    Raise Unavailable if the file cannot be fetched, and ArtifactError if its digest differs; then `target`
    is removed.
    """
    hasher = hashlib.sha256()
    try:
        with (
            urllib.request.urlopen(url, timeout=READ_TIMEOUT, context=tls) as response,
            target.open("wb") as file,
        ):
            total = int(response.headers.get("Content-Length") or 0) or None
            with progress.step(f"download {url}", total=total) as advance:
                while block := response.read(_CHUNK):
                    hasher.update(block)
                    file.write(block)
                    advance(len(block))
    except (OSError, http.client.HTTPException, ValueError) as error:
        target.unlink(missing_ok=True)
        raise Unavailable(f"{url}: {failure_reason(error)}") from None
    if hasher.hexdigest() != digest:
        target.unlink()
        raise ArtifactError(
            f"{url}: sha256 is {hasher.hexdigest()}, upstream published {digest}; refused, nothing was kept"
        )


def published_checksum(checksums: str, file: str) -> str:
    """Return the sha256 of `file` from the text of a checksum file.

    Upstreams publish either only the digest, or lines of `digest  name` like sha256sum. Raise
    ArtifactError if the text has no digest for the file.
    """
    lines = [line.split() for line in checksums.splitlines() if line.strip()]
    for words in lines:
        if len(words) == 1 and len(lines) == 1 and _DIGEST.match(words[0]):
            return words[0].lower()
        if len(words) == 2 and _DIGEST.match(words[0]) and words[1].lstrip("*").rsplit("/", 1)[-1] == file:
            return words[0].lower()
    raise ArtifactError(f"{file}: upstream's checksum file has no sha256 for it")


def failure_reason(error: Exception) -> str:
    """Return the reason why an HTTPS request failed, as a phrase for messages."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, ssl.SSLCertVerificationError):
        return f"the server's certificate does not verify ({inner.verify_message})"
    if isinstance(inner, TimeoutError):
        return "no answer in time"
    return str(inner) or type(inner).__name__
