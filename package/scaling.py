"""Registers what scales workloads: KEDA, and the plan of the capacity that applications need."""

from __future__ import annotations

import yaml

from components.addons.capacity_plan import CapacityPlan, CapacityPlanArgs
from components.addons.keda import KedaAddOn, KedaArgs
from components.api import Api
from components.pki import Pki
from components.scope import Scope
from formats.quantity import format_bytes
from providers.capacity import known_capacities
from settings import Settings
from settings.pool_capacity import PoolCapacity
from settings.pool_shortages import format_cores, format_size
from topology.model import Topology


def create_keda(topology: Topology, api: Api, pki: Pki, scope: Scope) -> None:
    """Create KEDA if the cluster has it."""
    if topology.keda is None:
        return
    arguments = KedaArgs(api=api, topology=topology, keda=topology.keda, ca=pki.ca, secrets=pki.secrets)
    KedaAddOn(scope.name("keda"), arguments, scope.options())


def create_capacity_plan(settings: Settings, api: Api, scope: Scope) -> None:
    """Create the plan if the settings have applications."""
    if settings.capacity is None:
        return
    pools = {pool.pool: plan_text(pool) for pool in known_capacities(settings)}
    CapacityPlan(scope.name("capacity"), CapacityPlanArgs(api=api, pools=pools), scope.options())


def plan_text(pool: PoolCapacity) -> str:
    """Return the plan of a pool as YAML: the nodes, what applications request, and the least nodes."""
    requested, available = pool.requested, pool.available
    return yaml.safe_dump(
        {
            "nodes": pool.count,
            "neededNodes": pool.needed,
            "machines": pool.machines,
            "nodeHas": format_size(pool.smallest),
            "cpu": f"{format_cores(requested.cpu)} of {format_cores(available.cpu)}",
            "memory": f"{format_bytes(requested.memory)} of {format_bytes(available.memory)}",
            "pods": f"{requested.pods} of {available.pods}",
            "containers": requested.containers,
            "reserve": f"{float(pool.reserve * 100):.0f}%",
        },
        sort_keys=False,
    )
