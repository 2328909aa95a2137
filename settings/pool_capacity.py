"""The capacity of pools for their applications [A3]."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from formats.quantity import parse_bytes, parse_quantity
from settings.capacity import CapacitySettings, PodRequestSettings
from settings.cluster import Settings
from settings.kubelet import DEFAULTS
from settings.pools import PoolSettings
from topology.capacity import (
    Application,
    CapacityPlan,
    Requests,
    WorkerSize,
    place,
    plan_workers,
    total_requests,
)
from topology.model import Size
from topology.options import Kubelet

CONTROL_PLANES = "control-plane"
"""The name of the pool of control planes, which can run applications if they are schedulable."""
MachineSize = Callable[[str], Size | None]
"""A function that returns the CPUs and memory of a machine type of the cloud; None for an unknown type."""


@dataclass(frozen=True, slots=True)
class PoolCapacity:
    """A pool and the applications that it runs.

    `path` is the setting with the number of its nodes. `nodes` has the resources for pods of each kind of
    node and the number of such nodes, the largest first. `machines` describes them. `reserve` is a fraction
    of the requests.
    """

    pool: str
    path: str
    nodes: tuple[tuple[WorkerSize, int], ...]
    machines: str
    applications: tuple[Application, ...]
    reserve: Fraction

    @property
    def count(self) -> int:
        """The maximum number of nodes."""
        return sum(count for _, count in self.nodes)

    @property
    def smallest(self) -> WorkerSize:
        """The resources that every node of the pool has for pods."""
        sizes = [size for size, _ in self.nodes]
        return WorkerSize(
            cpu=min((size.cpu for size in sizes), default=Fraction(0)),
            memory=min((size.memory for size in sizes), default=0),
            pods=min((size.pods for size in sizes), default=0),
        )

    @property
    def available(self) -> Requests:
        """The resources of all nodes for pods. The number of containers is not limited by nodes."""
        return Requests(
            pods=sum(size.pods * count for size, count in self.nodes),
            containers=0,
            cpu=sum((size.cpu * count for size, count in self.nodes), Fraction(0)),
            memory=sum(size.memory * count for size, count in self.nodes),
        )

    @property
    def requested(self) -> Requests:
        """The requests of all applications with the reserve."""
        return total_requests(self.applications, self.reserve)

    @property
    def needed(self) -> int:
        """The least number of the pool's own nodes that run the applications, the largest nodes first.

        Raise ValueError if all nodes together do not suffice.
        """
        # More nodes never take the place of a pod, so that the answers are ordered.
        number = bisect_left(range(self.count + 1), True, key=lambda count: self._first(count).suffices)
        if number > self.count:
            raise ValueError(f"{self.pool}: too small")
        return number

    @property
    def suffices(self) -> bool:
        """Whether the nodes have what the applications request with the reserve, and room for each pod."""
        requested, available = self.requested, self.available
        enough = (
            requested.cpu <= available.cpu
            and requested.memory <= available.memory
            and requested.pods <= available.pods
        )
        return enough and not place(self.applications, self.nodes).unplaced

    def _first(self, number: int) -> PoolCapacity:
        """Return the pool with its `number` largest nodes."""
        nodes, left = [], number
        for size, count in self.nodes:
            nodes.append((size, min(count, left)))
            left -= min(count, left)
        return replace(self, nodes=tuple(nodes))

    def plan(self) -> CapacityPlan:
        """Return the plan for nodes of the smallest kind. Raise ValueError if a pod fits onto none."""
        return plan_workers(self.applications, self.smallest, self.reserve)


def pool_capacities(settings: Settings, machine_size: MachineSize) -> list[PoolCapacity]:
    """Return the capacity of each pool with applications. All sizes must be known (`size_problems`)."""
    capacity = settings.capacity
    return [
        PoolCapacity(
            pool=pool,
            path=_path(settings, pool),
            nodes=tuple(_nodes(settings, pool, machine_size)),
            machines=_machines(settings, pool),
            applications=tuple(applications),
            reserve=Fraction(capacity.reserve_percent, 100),
        )
        for pool, applications in (applications_by_pool(settings) if capacity else {}).items()
        if capacity
    ]


def applications_by_pool(settings: Settings) -> dict[str, list[Application]]:
    """Return the applications of each pool that has some. Applications without a valid pool are omitted."""
    result: dict[str, list[Application]] = {}
    capacity = settings.capacity
    for name, section in capacity.applications.items() if capacity else ():
        pool = section.pool or default_pool(settings)
        if pool in pool_names(settings):
            result.setdefault(pool, []).append(to_application(name, section, section.replicas))
    return result


def pool_names(settings: Settings) -> tuple[str, ...]:
    """Return the names of all pools that can run applications."""
    return (*settings.pools, *((CONTROL_PLANES,) if settings.control_planes.schedulable else ()))


def default_pool(settings: Settings) -> str:
    """Return the pool of applications without `pool`; empty if it is ambiguous."""
    names = tuple(settings.pools) or pool_names(settings)
    return names[0] if len(names) == 1 else ""


def to_application(name: str, section: PodRequestSettings, replicas: int = 1) -> Application:
    """Return an application with the requests in a section."""
    cpu, memory = parse_quantity(section.cpu), parse_bytes(section.memory)
    return Application(name, replicas, cpu, memory, section.containers)


def node_size(capacity: CapacitySettings, kubelet: Kubelet, cpu: Fraction, memory: int) -> WorkerSize:
    """Return what a machine has for the pods of applications.

    The kubelet subtracts what it reserves for itself, for the system and for evictions
    (https://kubernetes.io/docs/tasks/administer-cluster/reserve-compute-resources/). Then the pods that run
    on every node take their share.
    """
    usable = memory * (100 - capacity.overhead_percent) // 100
    reserved = [dict(kubelet.system_reserved), dict(kubelet.kube_reserved)]
    threshold = dict(kubelet.eviction_hard).get("memory.available", "0")
    size = WorkerSize(
        cpu=max(cpu - sum(parse_quantity(item.get("cpu", "0")) for item in reserved), Fraction(0)),
        memory=usable
        - sum(parse_bytes(item.get("memory", "0")) for item in reserved)
        - _threshold_bytes(threshold, usable),
        pods=kubelet.max_pods,
    )
    return size.without(to_application(name, pod) for name, pod in capacity.per_node.items())


def pool_kubelet(settings: Settings, pool: str) -> Kubelet:
    """Return the settings of the kubelets of a pool."""
    section = settings.control_planes if pool == CONTROL_PLANES else settings.pools[pool]
    return section.kubelet.applied_to(settings.kubelet.applied_to(DEFAULTS))


def candidate_size(settings: Settings, name: str, machine_size: MachineSize) -> tuple[Fraction, int] | None:
    """Return the CPUs and bytes of a machine: those of the candidates, or else those of the machine type."""
    table = settings.capacity.candidates if settings.capacity else None
    section = table.machines.get(name) if table else None
    known = machine_size(name)
    cpu = parse_quantity(section.cpu) if section and section.cpu else None
    memory = parse_bytes(section.memory) if section and section.memory else None
    if known is not None:
        cpu, memory = cpu or Fraction(known.cpus), memory or known.memory
    return (cpu, memory) if cpu and memory else None


def _path(settings: Settings, pool: str) -> str:
    if pool == CONTROL_PLANES:
        return "control_planes.hosts"
    if settings.pools[pool].size is None:
        return f"pools.{pool}.hosts"
    return f"pools.{pool}.size.{'max' if _is_autoscaled(settings) else 'min'}"


def _is_autoscaled(settings: Settings) -> bool:
    """Return whether pools can grow from their minimum to their maximum size."""
    return settings.cloud is not None and settings.cloud.addons.autoscaler


def pool_hosts(settings: Settings, pool: str) -> Iterable[str]:
    """Return the names of the hosts of a pool; none for pools of workers in a cloud."""
    return settings.control_planes.hosts if pool == CONTROL_PLANES else settings.pools[pool].hosts


def machine_types(settings: Settings, pool: str) -> tuple[str, ...]:
    """Return the machine types of a pool in a cloud."""
    if settings.cloud is None:
        return ()
    if pool == CONTROL_PLANES:
        machine = settings.control_planes.machine
        return (machine.type,) if machine else ()
    section: PoolSettings = settings.pools[pool]
    return section.machine.types if section.machine else ()


def _machines(settings: Settings, pool: str) -> str:
    return ", ".join(machine_types(settings, pool) or pool_hosts(settings, pool))


def _nodes(settings: Settings, pool: str, machine_size: MachineSize) -> Iterator[tuple[WorkerSize, int]]:
    """Yield the kinds of nodes of a pool, the largest first, each with the number of its nodes."""
    capacity, kubelet = settings.capacity, pool_kubelet(settings, pool)
    assert capacity is not None
    if settings.cloud is None:
        sizes = _inventory_sizes(settings)
        hosts = [node_size(capacity, kubelet, *sizes[host]) for host in pool_hosts(settings, pool)]
        for size in sorted({*hosts}, key=lambda size: (size.memory, size.cpu), reverse=True):
            yield size, hosts.count(size)
        return
    known = [candidate_size(settings, name, machine_size) for name in machine_types(settings, pool)]
    # The cloud chooses a type for each machine: only the smallest one is certain.
    cpu = min((size[0] for size in known if size), default=Fraction(0))
    memory = min((size[1] for size in known if size), default=0)
    yield node_size(capacity, kubelet, cpu, memory), _cloud_nodes(settings, pool)


def _inventory_sizes(settings: Settings) -> Mapping[str, tuple[Fraction, int]]:
    """Return the CPUs and bytes of the hosts of the inventory; 0 for unknown ones."""
    hosts = settings.metal.hosts if settings.metal else {}
    sizes = {name: host.size or Size(0, 0) for name, host in hosts.items()}
    return {name: (Fraction(size.cpus), size.memory) for name, size in sizes.items()}


def _cloud_nodes(settings: Settings, pool: str) -> int:
    """Return the maximum number of nodes of a pool in a cloud."""
    if pool == CONTROL_PLANES:
        return len(settings.control_planes.hosts)
    size = settings.pools[pool].size
    if size is None:
        return 0
    return size.max if _is_autoscaled(settings) else size.min


def _threshold_bytes(threshold: str, memory: int) -> int:
    """Return an eviction threshold in bytes, which is a quantity or a percentage of the memory."""
    if threshold.endswith("%"):
        return int(memory * Fraction(threshold[:-1]) / 100)
    return parse_bytes(threshold)
