"""Invalid settings of the capacity that applications need."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import ONE_HOST, InvalidSettings
from tests.unit.settings.wrong_clouds import AWS

POD: dict[str, Any] = {"cpu": "100m", "memory": "64Mi"}
WEB: dict[str, Any] = {"replicas": 4, **POD}
TABLE: dict[str, Any] = {"date": "2026-11-01", "machines": {"r1": {"cpu": 8, "memory": "32Gi"}}}


def wrong(key: str, message: str, **section: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return invalid settings with one application, whose section `capacity` is wrong at `key`."""
    return InvalidSettings(
        f"capacity.{key}", message, {"capacity": {"applications": {"web": WEB}} | section, "registries": {}}
    )


def with_web(key: str, message: str, value: object) -> InvalidSettings:
    """Return invalid settings with one application, whose `key` is wrong."""
    return wrong(f"applications.web.{key}", message, applications={"web": WEB | {key: value}})


CAPACITY = (
    # Applications
    wrong("applications", "missing; describe an application, or remove capacity", applications={}),
    with_web("replicas", "-1", -1),
    with_web("replicas", "150001", 150_001),
    with_web("cpu", "not a quantity", "half"),
    with_web("memory", "not a quantity", "1 GB"),
    with_web("pool", '"worker": no such pool; did you mean workers?', "worker"),
    with_web("pool", '"gpu-large": no such pool; the pools are workers', "gpu-large"),
    with_web("pool", '"control-plane": runs no applications', "control-plane"),
    InvalidSettings(
        "capacity.applications.web.pool",
        "missing; the cluster has several pools: workers, batch; name one",
        {"capacity": {"applications": {"web": WEB}}, "pools.batch": {"hosts": ["w-2"]}}
        | {"pools.workers.hosts": ["w-1"]},
    ),
    wrong(
        "applications",
        "150,001 pods; Kubernetes is tested up to 150,000",
        applications={"web": WEB | {"replicas": 150_000}, "db": WEB | {"replicas": 1}},
    ),
    wrong(
        "applications",
        "300,003 containers; Kubernetes is tested up to 300,000",
        applications={"web": WEB | {"replicas": 100_001, "containers": 3}},
    ),
    # Nodes
    wrong("reserve_percent", "401", reserve_percent=401),
    wrong("overhead_percent", "-1", overhead_percent=-1),
    wrong("per_node.agent.cpu", "missing; add it", per_node={"agent": {"memory": "64Mi"}}),
    InvalidSettings(
        "control_planes.kubelet.max_pods",
        "1: capacity.per_node has 2 pods for every node, so that no other pod runs; raise it",
        {
            "capacity": {"applications": {"web": WEB}, "per_node": {"a": POD, "b": POD}},
            "control_planes.kubelet": {"max_pods": 1},
        },
        ONE_HOST,
    ),
    # Candidates
    wrong("candidates.date", "missing; add it", candidates={"machines": {}}),
    wrong("candidates.date", '"1.11.2026": not a date', candidates=TABLE | {"date": "1.11.2026"}),
    wrong("candidates.currency", '"€": not a currency', candidates=TABLE | {"currency": "€"}),
    wrong("candidates.per", '"day"', candidates=TABLE | {"per": "day"}),
    wrong(
        "candidates.machines.r1.price",
        "-3: not a price; allowed: 0 and more",
        candidates=TABLE | {"machines": {"r1": {"cpu": 8, "memory": "32Gi", "price": -3}}},
    ),
    wrong(
        "candidates.machines.r1.price",
        "inf: not a price; allowed: 0 and more",
        candidates=TABLE | {"machines": {"r1": {"cpu": 8, "memory": "32Gi", "price": float("inf")}}},
    ),
    wrong(
        "candidates.machines.r1.memory",
        "missing; no cloud has a table with this machine; add it",
        candidates=TABLE | {"machines": {"r1": {"cpu": 8}}},
    ),
    InvalidSettings(
        "capacity.candidates.machine",
        "unknown key; did you mean machines?",
        {"capacity": {"applications": {"web": WEB}, "candidates": TABLE | {"machine": {}}}},
        AWS,
    ),
)
