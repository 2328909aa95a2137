"""Derives the inventory and the networks of a new cluster from the addresses of existing hosts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network

from automation.errors import UserError

_POD_RANGES = ("10.244.0.0/16", "172.20.0.0/16", "192.168.0.0/16")
_SERVICE_RANGES = ("10.96.0.0/20", "172.19.0.0/20", "10.112.0.0/20")
_NETWORK_PREFIX = 24
"""Assumed prefix length of the networks of the hosts."""


@dataclass(frozen=True, slots=True)
class HostAddresses:
    """The addresses of the hosts of a new cluster, by role."""

    control_planes: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    load_balancers: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.control_planes or self.workers or self.load_balancers)

    def problems(self, endpoint: str, *, highly_available: bool) -> list[str]:
        """Return the problems of the addresses, one line for each problem."""
        problems = [
            f"{option} {address}: not an IPv4 address; give the address of the host, such as 192.0.2.11"
            for option, addresses in (
                ("--control-plane", self.control_planes),
                ("--worker", self.workers),
                ("--load-balancer", self.load_balancers),
            )
            for address in addresses
            if not _is_address(address)
        ]
        if not self.workers:
            problems.append("--worker: give the address of at least one worker")
        if highly_available:
            if len(self.control_planes) not in (3, 5):
                problems.append("--control-plane: give the addresses of 3 or 5 control planes")
            if not endpoint:
                problems.append(
                    "--endpoint: give the address of the API: an unused address for the load balancers, or "
                    "the address of an external load balancer"
                )
        elif len(self.control_planes) != 1 or self.load_balancers:
            problems.append(
                "--control-plane: give the address of one control plane and no load balancer; for a highly "
                "available cluster use `--from ha`"
            )
        return problems

    def values(self, *, endpoint: str, networks: Sequence[IPv4Network]) -> dict[str, str]:
        """Return the values for the template. `networks` are the values of `--network`, if any."""
        machine_networks = list(networks) or self._networks()
        names = self._names()
        return {
            "network": format_list(machine_networks),
            "pods": _first_free(_POD_RANGES, machine_networks),
            "services": _first_free(_SERVICE_RANGES, machine_networks),
            "endpoint_line": f"    endpoint: {{host: {endpoint}}}\n" if endpoint else "",
            "load_balancers_line": (
                f"    load_balancers: {{hosts: {_list_names('lb-', names)}}}\n" if self.load_balancers else ""
            ),
            "control_plane_names": _list_names("cp-", names),
            "worker_names": _list_names("w-", names),
            "host_lines": "".join(
                f"        {name}: {{address: {address}}}\n" for name, address in names.items()
            ),
            "addresses": " ".join(names.values()),
        }

    def _names(self) -> dict[str, str]:
        """Return the addresses by the names of the hosts: `lb-1`, `cp-1`, `w-1` and so on."""
        groups = (("lb", self.load_balancers), ("cp", self.control_planes), ("w", self.workers))
        return {
            f"{prefix}-{number}": address
            for prefix, addresses in groups
            for number, address in enumerate(addresses, 1)
        }

    def _networks(self) -> list[IPv4Network]:
        """Return the networks of all addresses, sorted, with the assumed prefix length."""
        addresses = (*self.load_balancers, *self.control_planes, *self.workers)
        return sorted({IPv4Network((address, _NETWORK_PREFIX), strict=False) for address in addresses})


def format_list(items: Iterable[object]) -> str:
    """Return a list as YAML on one line."""
    return f"[{', '.join(map(str, items))}]"


def parse_network(option: str, text: str) -> IPv4Network:
    """Return `text` as a network. Raise UserError with the name of the option if `text` is not a network."""
    try:
        return IPv4Network(text)
    except ValueError:
        raise UserError(
            f"{option} {text}: not an IPv4 network; give a network such as 192.0.2.0/24"
        ) from None


def _list_names(prefix: str, names: Iterable[str]) -> str:
    return format_list(name for name in names if name.startswith(prefix))


def _first_free(ranges: Iterable[str], networks: Sequence[IPv4Network]) -> str:
    """Return the first range that overlaps none of the networks.

    If every range overlaps a network, return the first range. The check of the settings then reports it.
    """
    candidates = [IPv4Network(each) for each in ranges]
    free = (each for each in candidates if not any(each.overlaps(network) for network in networks))
    return str(next(free, candidates[0]))


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True
