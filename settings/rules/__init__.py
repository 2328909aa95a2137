"""Rules that compare several fields of the settings. Each file contains the rules of one subject."""

from settings.rules import (
    access,
    addons,
    aws,
    azure,
    capacity,
    certificates,
    cloud_networks,
    clouds,
    cluster,
    encryption,
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
    "aws",
    "azure",
    "capacity",
    "certificates",
    "cloud_networks",
    "clouds",
    "cluster",
    "encryption",
    "hosts",
    "kubelet",
    "load_balancers",
    "ports",
    "ranges",
    "roles",
    "versions",
]
