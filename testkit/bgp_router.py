"""A BGP router for tests: Debian's BIRD in the network of a lab host."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from artifacts import relocatable
from artifacts.progress import Progress
from testkit import host_network
from testkit.process import run

ASN = 64512
"""The autonomous system number of the router."""
_RECIPE = relocatable.Recipe(
    name="bird",
    packages=("bird2",),
    programs={"bird": "bird"},
    version_options={"bird": "--version"},
)


def configuration(address: str, nodes: IPv4Network, asn: int) -> str:
    """Return the configuration of a router that accepts sessions of nodes with the number `asn`.

    The router writes the routes into the kernel, and distributes packets over all nodes that announce an
    address. The hold time is that of the nodes, because it is the shorter one.
    """
    return f"""\
log stderr all;
router id {address};
protocol device {{ scan time 1; }}
protocol kernel {{
    merge paths on;
    ipv4 {{ import none; export all; }};
}}
protocol bgp nodes {{
    local {address} as {ASN};
    neighbor range {nodes} as {asn};
    dynamic name "node";
    ipv4 {{ import all; export none; }};
}}
"""


@dataclass(frozen=True)
class BgpRouter:
    """A running router on a lab host with an address."""

    lab: str
    host: str
    address: str

    def next_hops(self, address: str) -> set[str]:
        """Return the addresses of the nodes over which the router reaches an address."""
        routes = host_network.ip(self.lab, self.host, ["route", "show", f"{address}/32"])
        return {
            hop["gateway"] for route in routes for hop in route.get("nexthops", [route]) if "gateway" in hop
        }

    def used_hop(self, address: str) -> str:
        """Return the address of the node to which the router sends its own packets for an address.

        The kernel selects the node by the source and the destination.
        """
        [route] = host_network.ip(self.lab, self.host, ["route", "get", address, "from", self.address])
        return str(route["gateway"])


def unpack(directory: Path) -> Path:
    """Return the path of the program BIRD, unpacked below `directory`."""
    archive = relocatable.build(_RECIPE, directory, Progress(quiet=True))
    target = directory / "unpacked"
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")
    return target / "bird"


def check_configuration(program: Path, text: str) -> None:
    """Fail if BIRD does not accept a configuration."""
    path = program.parent / "bird.conf"
    path.write_text(text)
    run([program, "-p", "-c", path], timeout=30)


@contextmanager
def bgp_router(program: Path, router: BgpRouter, nodes: IPv4Network, asn: int) -> Iterator[None]:
    """Run a router for nodes with the number `asn` until the end of the block."""
    check_configuration(program, configuration(router.address, nodes, asn))
    directory = program.parent
    words = (program, "-f", "-c", directory / "bird.conf", "-s", directory / "bird.ctl")
    with host_network.run_program(router.lab, router.host, *words) as process:
        yield
        assert process.poll() is None, f"BIRD ended: {process.communicate()[1]}"
