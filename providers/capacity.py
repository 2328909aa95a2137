"""The capacity of pools on bare metal and in clouds, whose machine types have tables here [A3]."""

from __future__ import annotations

from functools import partial

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
    machine_size = partial(known_size, settings)
    problems = list(size_problems(settings, machine_size)) or list(pool_problems(settings, machine_size))
    if problems:
        raise SettingsError(problems)


def known_capacities(settings: Settings) -> list[PoolCapacity]:
    """Return the capacity of each pool with applications, for settings that `check_capacity` accepts."""
    return pool_capacities(settings, partial(known_size, settings))
