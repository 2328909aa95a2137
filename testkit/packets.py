"""Packets that reach a lab host, before its packet filter.

The module is also a program: `python -m testkit.packets LAST TEXT` prints a line for each IPv4 packet that
contains one of the texts, and ends with the first packet that contains LAST.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from testkit.host_network import run_module

_ALL_IPV4 = 0x0800
_SECONDS = 30


class Packets:
    """The texts in the packets that reached a host, in order. They are complete after the block."""

    texts: list[str]


@contextmanager
def watched_packets(lab: str, host: str, *, last: str, text: str) -> Iterator[Packets]:
    """Record which of two texts reach a host during the block, until `last` has reached the host.

    Raise subprocess.TimeoutExpired when `last` does not reach the host within 30 seconds after the block.
    """
    packets = Packets()
    with run_module(lab, host, "testkit.packets", last, text) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield packets
        output, errors = process.communicate(timeout=_SECONDS)
        assert process.returncode == 0, errors
        packets.texts = output.splitlines()


def _print_packets(last: str, text: str) -> None:
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_IPV4))
    print("ready", flush=True)
    found = ""
    while found != last:
        packet = packets.recv(65536)
        found = next((item for item in (last, text) if item.encode() in packet), "")
        if found:
            print(found, flush=True)


if __name__ == "__main__":
    _print_packets(*sys.argv[1:])
