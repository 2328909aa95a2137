"""The program that writes and deletes objects in the store, with the deployer's Entra token.

Run as `python3 -m providers.azure.objects put|delete URL KEY`; `put` reads the content from stdin. The plugin
of Pulumi writes blobs only with the shared key of the account, which many subscriptions forbid
(pulumi/pulumi-azure-native, issue 2015). The exit code is 0 on success, and 1 with one line on stderr
otherwise.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError
from tenacity import Retrying, retry_if_exception, stop_before_delay, wait_fixed

from providers.azure.credentials import CredentialError, deployer_credential
from providers.azure.environments import ENVIRONMENTS
from providers.azure.wait_clients import StatusStore
from providers.cloud.polling import WaitError, run_program

SECONDS = 300.0
"""The time in which the firewall rules and the DNS name of a new account, and new role assignments, become
effective; Azure names up to five minutes.
"""
INTERVAL = 5.0
"""Seconds between two attempts."""
_DENIED = 403
_TEMPORARY_STATUSES = {_DENIED, 404, 409}


def write_object(store: StatusStore, key: str, content: str, *, seconds: float, interval: float) -> None:
    """Write an object, and retry requests that a new storage account refuses. Raise AzureError after
    `seconds`.
    """
    retry_refusals(lambda: store.put(key, content), seconds, interval)


def delete_object(store: StatusStore, key: str, *, seconds: float, interval: float) -> None:
    """Delete an object; a missing object is no error. Raise AzureError after `seconds`."""
    retry_refusals(lambda: store.delete(key), seconds, interval)


def retry_refusals(work: Callable[[], None], seconds: float, interval: float) -> None:
    """Call `work` again while the store refuses it as a new storage account does.

    Raise AzureError after `seconds`, or WaitError if the store denies the access then.
    """
    retrying = Retrying(
        retry=retry_if_exception(_is_temporary),
        wait=wait_fixed(interval),
        stop=stop_before_delay(seconds),
        reraise=True,
    )
    try:
        retrying(work)
    except HttpResponseError as error:
        if error.status_code != _DENIED:
            raise
        raise WaitError(
            f"{error.reason or 'denied'}: the store refuses the deployer, who needs the role Storage Blob "
            "Data Contributor and an address in network.api_allowed (docs/azure.md)"
        ) from None


def _is_temporary(error: BaseException) -> bool:
    if isinstance(error, HttpResponseError):
        return error.status_code in _TEMPORARY_STATUSES
    return isinstance(error, ServiceRequestError)


def parse_arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command line. Print the usage and exit when the command line is invalid."""
    parser = argparse.ArgumentParser(prog="python3 -m providers.azure.objects")
    parser.add_argument("--cloud", choices=ENVIRONMENTS, default="public")
    parser.add_argument("--ca-file", default=None)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("command", choices=["put", "delete"])
    parser.add_argument("url", help="URL of the container")
    parser.add_argument("key")
    return parser.parse_args(words)


def main(
    words: Sequence[str],
    find_credential: Callable[[Mapping[str, str], str], TokenCredential] = deployer_credential,
    stdin: TextIO = sys.stdin,
) -> int:
    """Run the command line and return the exit code."""
    args = parse_arguments(words)

    def run() -> None:
        store = StatusStore(
            args.url, find_credential(os.environ, ENVIRONMENTS[args.cloud].login), args.ca_file
        )
        times = {"seconds": args.seconds, "interval": min(INTERVAL, args.seconds)}
        if args.command == "put":
            write_object(store, args.key, stdin.read(), **times)
        else:
            delete_object(store, args.key, **times)

    return run_program(run, (CredentialError, AzureError, OSError))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
