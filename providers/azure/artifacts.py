"""The program that fills the store with the files that machines fetch (`artifacts.store: own`).

Run as `python3 -m providers.azure.artifacts URL`, with the URL of the container and the deployer's Entra
token. The files are in an environment variable (`providers.cloud.artifacts`). The exit code is 0 when the
store has all files, and 1 with one line on stderr otherwise.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.storage.blob import ContainerClient

from providers.azure.credentials import CredentialError, deployer_credential
from providers.azure.environments import ENVIRONMENTS
from providers.azure.objects import INTERVAL, SECONDS, retry_refusals
from providers.cloud.artifacts import run_fill
from providers.cloud.polling import run_program

_MAX_REQUEST_BYTES = 1024**3
"""A file is one request, so that a blob is complete or missing. Azure allows 5000 MiB ("Put Blob")."""


class ArtifactStore:
    """The files in the container at `url`. Requests that a new account refuses are retried for `seconds`."""

    def __init__(
        self, url: str, credential: TokenCredential, ca_file: str | None, seconds: float = SECONDS
    ) -> None:
        options: dict[str, Any] = {"connection_verify": ca_file} if ca_file else {}
        self._client = ContainerClient.from_container_url(
            url, credential=credential, max_single_put_size=_MAX_REQUEST_BYTES, **options
        )
        self._seconds = seconds

    def keys(self) -> set[str]:
        """Return the keys of all files."""
        found: set[str] = set()
        self._retry(lambda: found.update(blob.name for blob in self._client.list_blobs()))
        return found

    def upload(self, key: str, content: BinaryIO) -> None:
        """Write a file."""

        def upload() -> None:
            content.seek(0)
            self._client.upload_blob(key, content, overwrite=True)

        self._retry(upload)

    def _retry(self, work: Callable[[], None]) -> None:
        retry_refusals(work, self._seconds, min(INTERVAL, self._seconds))


def parse_arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command line. Print the usage and exit when the command line is invalid."""
    parser = argparse.ArgumentParser(prog="python3 -m providers.azure.artifacts")
    parser.add_argument("--cloud", choices=ENVIRONMENTS, default="public")
    parser.add_argument("--ca-file", default=None)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("url", help="URL of the container")
    return parser.parse_args(words)


def main(
    words: Sequence[str],
    find_credential: Callable[[Mapping[str, str], str], TokenCredential] = deployer_credential,
) -> int:
    """Run the command line and return the exit code."""
    args = parse_arguments(words)

    def run() -> None:
        credential = find_credential(os.environ, ENVIRONMENTS[args.cloud].login)
        run_fill(ArtifactStore(args.url, credential, args.ca_file, args.seconds))

    return run_program(run, (CredentialError, AzureError, OSError))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
