"""The inventory and the network plan of a new cluster on existing hosts, from the addresses of the hosts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network

from automation.errors import UserError

_POD_RANGES = ("10.244.0.0/16", "172.20.0.0/16", "192.168.0.0/16")
_SERVICE_RANGES = ("10.96.0.0/20", "172.19.0.0/20", "10.112.0.0/20")
_NETWORK_PREFIX = 24
"""Prefix length of the networks that are assumed for the hosts' addresses."""


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
                    "--endpoint: give the address of the API: a free address for the load balancers, or that "
                    "of an external load balancer"
                )
        elif len(self.control_planes) != 1 or self.load_balancers:
            problems.append(
                "--control-plane: give the address of one control plane, or describe a highly available "
                "cluster by `--from ha`"
            )
        return problems

    def values(self, *, endpoint: str, allowed: str, networks: Sequence[IPv4Network]) -> dict[str, str]:
        """Return the values for the stack file. `networks` are the networks that the user gave, if any."""
        machine_networks = list(networks) or self._networks()
        names = self._names()
        return {
            "network": format_list(machine_networks),
            "pods": _first_free(_POD_RANGES, machine_networks),
            "services": _first_free(_SERVICE_RANGES, machine_networks),
            "endpoint_line": f"    endpoint: {{host: {endpoint}}}\n" if endpoint else "",
            "allowed_line": f"      api_allowed: {allowed}\n" if allowed else "",
            "load_balancers_line": (
                f"    load_balancers: {{hosts: {_names_with('lb-', names)}}}\n" if self.load_balancers else ""
            ),
            "control_plane_names": _names_with("cp-", names),
            "worker_names": _names_with("w-", names),
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
        """Return the networks of all addresses, sorted. The length of their prefix is a guess."""
        addresses = (*self.load_balancers, *self.control_planes, *self.workers)
        return sorted({IPv4Network((address, _NETWORK_PREFIX), strict=False) for address in addresses})


def format_list(items: Iterable[object]) -> str:
    """Return a list as YAML on one line."""
    return f"[{', '.join(map(str, items))}]"


def parse_network(option: str, text: str) -> IPv4Network:
    """Return the network. Raise UserError, which names the option."""
    try:
        return IPv4Network(text)
    except ValueError:
        raise UserError(f"{option} {text}: not an IPv4 network; give it as 192.0.2.0/24") from None


def _names_with(prefix: str, names: Iterable[str]) -> str:
    return format_list(name for name in names if name.startswith(prefix))


def _first_free(ranges: Iterable[str], networks: Sequence[IPv4Network]) -> str:
    """Return the first range that overlaps no network; the first range if all do, which the check reports."""
    candidates = [IPv4Network(each) for each in ranges]
    free = (each for each in candidates if not any(each.overlaps(network) for network in networks))
    return str(next(free, candidates[0]))


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True
