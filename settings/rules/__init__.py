"""Rules between fields: what each field alone cannot know. One file per subject."""

from settings.rules import (
    access,
    addons,
    balancers,
    capacity,
    certificates,
    cloud_networks,
    clouds,
    cluster,
    hosts,
    kubelet,
    ports,
    ranges,
    roles,
    versions,
)
from settings.rules.base import RULES, Subject

__all__ = [
    "RULES",
    "Subject",
    "access",
    "addons",
    "balancers",
    "capacity",
    "certificates",
    "cloud_networks",
    "clouds",
    "cluster",
    "hosts",
    "kubelet",
    "ports",
    "ranges",
    "roles",
    "versions",
]
