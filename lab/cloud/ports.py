"""Ports of the emulated cloud services on the gateway."""

from __future__ import annotations

from topology import ports

METADATA_PORT = 8169
"""HTTP, as in the real cloud: the metadata service."""

API_PORT = 8443
"""HTTPS: the API and the stores of the cloud."""

BALANCER_PORT = ports.API_PORT
"""TCP: the load balancer of the API servers."""

MACHINES_PORT = 8170
"""TCP, at the machine's address in the lab: the program that starts the machines of Auto Scaling groups."""
