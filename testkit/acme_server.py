"""An ACME server outside the cluster: Pebble, which Let's Encrypt wrote for tests of ACME clients.

Pebble is not for production. It keeps everything in memory and creates its CA when it starts.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from artifacts.cache import Cache
from testkit.certificates import issue_certificate
from testkit.go_programs import build_program
from testkit.wait import eventually

SOURCE = Path(__file__).resolve().parents[1] / "lab" / "pebble"
NAME = "pebble"
PACKAGE = "github.com/letsencrypt/pebble/v2/cmd/pebble"
PORT, MANAGEMENT_PORT = 14000, 15000
LIFE_SECONDS = 3600
"""The life of the certificates that the server issues."""
ENVIRONMENT: Mapping[str, str] = {
    # By default the server waits up to 5 s before it checks a name.
    "PEBBLE_VA_NOSLEEP": "1",
    # By default half of the orders need no challenge for a name that was checked before.
    "PEBBLE_AUTHZREUSE": "0",
}


@dataclass(frozen=True)
class AcmeServer:
    """A running server. `authority` is the PEM of the CA that signed the certificate of the server itself."""

    address: str
    authority: str
    log: Path

    @property
    def directory(self) -> str:
        """Return the URL that ACME clients get."""
        return f"https://{self.address}:{PORT}/dir"

    def root(self) -> str:
        """Return the PEM of the CA of the certificates that the server issues. Raise OSError without it."""
        context = ssl.create_default_context(cadata=self.authority)
        url = f"https://{self.address}:{MANAGEMENT_PORT}/roots/0"
        with urllib.request.urlopen(url, context=context, timeout=5) as response:
            return str(response.read().decode())

    def opened_pages(self, name: str) -> int:
        """Return how often the server opened the page of a challenge for a name."""
        return self.log.read_text().count(f"Attempting to validate w/ HTTP: http://{name}:80/")


def build_server(cache: Cache) -> Path:
    """Build Pebble, unless the cache has it. Return the path of the program."""
    return build_program(SOURCE, NAME, cache, package=PACKAGE)


def configuration(address: str, certificate: Path, key: Path, refused: Sequence[str]) -> dict[str, Any]:
    """Return the configuration of a server that issues no certificates for the names `refused`."""
    return {
        "pebble": {
            "listenAddress": f"{address}:{PORT}",
            "managementListenAddress": f"{address}:{MANAGEMENT_PORT}",
            "certificate": str(certificate),
            "privateKey": str(key),
            "httpPort": 80,
            "tlsPort": 443,
            "domainBlocklist": list(refused),
            "keyAlgorithm": "ecdsa",
            "retryAfter": {"authz": 1, "order": 1},
            # An order without a profile gets any of them.
            "profiles": {"default": {"description": "short", "validityPeriod": LIFE_SECONDS}},
        }
    }


@contextmanager
def serve_acme(
    program: Path, directory: Path, address: str, dns: str, *, refused: Sequence[str] = ()
) -> Iterator[AcmeServer]:
    """Run a server on an address of this machine. It resolves names by the DNS server `dns` (ADDRESS:PORT).

    A separate CA signs the certificate of the server.
    """
    authority = issue_certificate("acme-server-ca")
    serving = issue_certificate("acme-server", issuer=authority, server=True, address=IPv4Address(address))
    certificate, key, settings = (
        directory / name for name in ("server.crt", "server.key", "configuration.json")
    )
    certificate.write_bytes(serving.certificate_pem)
    key.write_bytes(serving.key_pem)
    settings.write_text(json.dumps(configuration(address, certificate, key, refused)))
    server = AcmeServer(address, authority.certificate_pem.decode(), directory / "log")
    with server.log.open("w") as log:
        process = subprocess.Popen(
            [program, "-config", settings, "-dnsserver", dns],
            env=os.environ | ENVIRONMENT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually("the ACME server answers", lambda: _answers(server), timeout=30)
        yield server
        assert process.poll() is None, f"Pebble ended: {server.log.read_text()[-2000:]}"
    finally:
        process.kill()
        process.wait()


def _answers(server: AcmeServer) -> bool:
    try:
        return bool(server.root())
    except OSError as error:
        raise AssertionError(str(error)) from error
