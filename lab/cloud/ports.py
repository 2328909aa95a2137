"""Where the gateway answers as a cloud."""

from __future__ import annotations

METADATA_PORT = 8169
"""HTTP, as the real one: metadata of the machine that asks."""

API_PORT = 8443
"""HTTPS: the cloud's API, and its stores."""

BALANCER_PORT = 6443
"""TCP: the balancer before the API servers."""
