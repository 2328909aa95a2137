"""Ports of the emulated cloud on the gateway."""

from __future__ import annotations

from topology import ports

METADATA_PORT = 8169
"""HTTP, as in the real cloud: metadata of the requesting machine."""

API_PORT = 8443
"""HTTPS: the cloud's API and stores."""

BALANCER_PORT = ports.API_PORT
"""TCP: the load balancer of the API servers."""
