"""DNS domains: the domains that Kubernetes reserves, and names in a domain."""

from __future__ import annotations

KUBERNETES_DOMAINS = ("kubernetes.io", "k8s.io")
"""The domains that Kubernetes reserves for its own labels, annotations and other keys."""


def is_in_domain(name: str, *domains: str) -> bool:
    """Check whether a name is one of the domains or below one of them."""
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)
