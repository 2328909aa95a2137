"""A DNS server outside the cluster with zones that accept dynamic updates: Debian's Knot."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from artifacts import relocatable
from artifacts.progress import Progress
from testkit.process import run, running
from testkit.wait import eventually

PORT = 5300
STANDARD_PORT = 53
"""The port at which clients of a zone expect the servers in its NS records."""
ALGORITHM = "hmac-sha256"
_RECIPE = relocatable.Recipe(
    name="knot",
    packages=("knot", "knot-dnsutils"),
    programs={"knotd": "knotd", "kdig": "kdig"},
    version_options={"knotd": "--version", "kdig": "--version"},
)
_CONFIGURATION = """\
server:
    listen: {address}@{port}
    rundir: {directory}
database:
    storage: {directory}
log:
  - target: stderr
    any: warning
key:
  - id: {key_name}
    algorithm: {algorithm}
    secret: {secret}
acl:
  - id: updates
    key: {key_name}
    action: [update, transfer]
template:
  - id: default
    storage: {directory}
    acl: updates
zone:
"""
_ZONE = """\
@ 300 IN SOA ns.{zone}. hostmaster.{zone}. 1 3600 600 86400 60
@ 300 IN NS ns.{zone}.
"""
_NAME_SERVER = "192.0.2.53"


@dataclass(frozen=True)
class DnsZones:
    """A running server with zones. `programs` is the directory of its programs."""

    programs: Path
    address: str
    port: int = PORT

    def lookup(self, name: str, kind: str = "A") -> set[str]:
        """Return the values of the records of a name; empty without records."""
        server = [f"@{self.address}", "-p", str(self.port)]
        query = ["+short", "+timeout=3", f"{name}.", kind]
        return set(run([self.programs / "kdig", *server, *query], timeout=20).stdout.splitlines())


def zone_file(zone: str, records: Mapping[str, str]) -> str:
    """Return the zone file of a zone with those of `records` whose names are in it."""
    addresses = {f"ns.{zone}": _NAME_SERVER} | {
        name: address for name, address in records.items() if name.endswith(f".{zone}")
    }
    lines = (f"{name}. 300 IN A {address}\n" for name, address in addresses.items())
    return _ZONE.format(zone=zone) + "".join(lines)


def unpack(directory: Path) -> Path:
    """Return the directory of the server's programs, unpacked below `directory`."""
    archive = relocatable.build(_RECIPE, directory, Progress(quiet=True))
    target = directory / "unpacked"
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")
    return target


@contextmanager
def serve_zones(
    programs: Path,
    directory: Path,
    address: str,
    zones: Sequence[str],
    *,
    key_name: str,
    secret: str,
    records: Mapping[str, str] = MappingProxyType({}),
    port: int = PORT,
) -> Iterator[DnsZones]:
    """Run a server on an address of this machine. The TSIG key allows updates and transfers of its zones.

    `records` are names in the zones with their addresses. Each zone has the name `ns`: by default its address
    is for documentation only (RFC 5737).
    """
    configuration = directory / "knot.conf"
    text = _CONFIGURATION.format(
        address=address,
        port=port,
        directory=directory,
        key_name=key_name,
        algorithm=ALGORITHM,
        secret=secret,
    )
    configuration.write_text(text + "".join(f"  - domain: {zone}\n" for zone in zones))
    for zone in zones:
        (directory / f"{zone}.zone").write_text(zone_file(zone, records))
    server = DnsZones(programs, address, port)
    with running([programs / "knotd", "-c", configuration], cwd=directory) as process:
        eventually("the server answers", lambda: server.lookup(f"ns.{zones[-1]}"), timeout=30)
        yield server
        assert process.poll() is None, f"Knot ended: {process.communicate()[1]}"
