"""Rules between fields: what each field alone cannot know. One file per rule_input."""

from settings.rules import (
    access,
    addons,
    capacity,
    certificates,
    cloud_networks,
    clouds,
    cluster,
    hosts,
    kubelet,
    load_balancers,
    ports,
    ranges,
    roles,
    versions,
)
from settings.rules.base import RULES, RuleInput

__all__ = [
    "RULES",
    "RuleInput",
    "access",
    "addons",
    "capacity",
    "certificates",
    "cloud_networks",
    "clouds",
    "cluster",
    "hosts",
    "kubelet",
    "load_balancers",
    "ports",
    "ranges",
    "roles",
    "versions",
]
