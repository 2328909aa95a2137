"""The capacity of pools on bare metal and in clouds, whose machine types have tables here [A3]."""

from __future__ import annotations

from providers.registry import by_section
from settings.cluster import Settings
from settings.pool_capacity import PoolCapacity, pool_capacities
from settings.pool_shortages import pool_problems, size_problems
from settings.problem import SettingsError
from topology.model import Size


def known_size(settings: Settings, machine_type: str) -> Size | None:
    """Return the CPUs and memory of a machine type of the cluster's cloud; None for an unknown type."""
    cloud = by_section(settings.cloud_name)
    return cloud.machine_size(machine_type) if cloud else None


def check_capacity(settings: Settings) -> None:
    """Raise SettingsError with the problems of pools that are too small for the applications."""

    def machine_size(machine_type: str) -> Size | None:
        return known_size(settings, machine_type)

    problems = list(size_problems(settings, machine_size)) or list(pool_problems(settings, machine_size))
    if problems:
        raise SettingsError(problems)


def checked_capacities(settings: Settings) -> list[PoolCapacity]:
    """Return the capacity of each pool with applications. Raise SettingsError if a pool is too small."""
    check_capacity(settings)
    return pool_capacities(settings, lambda name: known_size(settings, name))
