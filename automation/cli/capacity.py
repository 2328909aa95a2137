"""The command `capacity`: the capacity that applications need, and machines that could have it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from automation import workspace
from automation.cli.options import Stack, StackFile
from automation.errors import UserError
from formats.documents import parse_yaml
from formats.quantity import format_bytes
from providers.capacity import known_size
from settings import Settings
from settings.capacity import CandidateTableSettings, CapacitySettings
from settings.pool_capacity import (
    PoolCapacity,
    candidate_size,
    machine_types,
    node_size,
    pool_capacities,
    pool_kubelet,
)
from settings.pool_shortages import format_cores, pool_problems, size_problems
from settings.problem import SettingsError, format_path
from settings.stackfile import load_file
from topology.capacity import MAX_NODES, WorkerSize, plan_workers

PANEL = "Look at a cluster"
Candidates = Annotated[
    Path | None,
    typer.Option("--candidates", metavar="FILE", help="YAML file with the keys of capacity.candidates."),
]
MinNodes = Annotated[int, typer.Option("--min-nodes", min=1, help="Minimum number of nodes of a pool.")]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(rich_help_panel=PANEL)(capacity)


@dataclass(frozen=True, slots=True)
class Offer:
    """A number of machines that would run the applications of a pool.

    `size` has the resources of a node for pods. `nodes` is None for machines that are too small for a pod.
    `price` is that of one machine, or None if the table has none.
    """

    machine: str
    size: WorkerSize
    nodes: int | None
    price: Fraction | None

    @property
    def total(self) -> Fraction | None:
        """The price of all machines; None if it is unknown."""
        return self.price * self.nodes if self.price is not None and self.nodes is not None else None

    @property
    def order(self) -> tuple[bool, Fraction, Fraction, int]:
        """The key by which offers are sorted: cheap ones first, those without a price by their cores."""
        cores = self.size.cpu * (self.nodes or MAX_NODES)
        return (self.total is None, self.total or Fraction(0), cores, self.size.memory)


def capacity(
    stack: Stack = "dev", file: StackFile = None, candidates: Candidates = None, min_nodes: MinNodes = 1
) -> None:
    """Compare machines for the applications in `capacity`; fail if a pool is too small."""
    try:
        settings = load_file(file or workspace.stack_file(stack))
    except SettingsError as error:
        raise UserError(str(error)) from None
    if settings.capacity is None:
        raise UserError(f"{stack}: has no section capacity; describe applications there (docs/scaling.md)")
    if candidates is not None:
        section = settings.capacity.model_copy(update={"candidates": read_candidates(candidates)})
        settings = settings.model_copy(update={"capacity": section})

    machine_size = partial(known_size, settings)
    unknown = list(size_problems(settings, machine_size))
    if unknown:
        raise UserError(str(SettingsError(unknown)))
    for pool in pool_capacities(settings, machine_size):
        Console().print(_pool_table(pool))
        Console().print(_offer_table(settings, pool, sorted_offers(settings, pool, min_nodes)))
    problems = list(pool_problems(settings, machine_size))
    if problems:
        raise UserError(str(SettingsError(problems)))


def read_candidates(file: Path) -> CandidateTableSettings:
    """Return the candidates in a file. Raise UserError for a file that has none."""
    try:
        return CandidateTableSettings.model_validate(parse_yaml(file.read_text()))
    except ValidationError as error:
        lines = (f"{file}: {format_path(item['loc'])}: {item['msg']}" for item in error.errors())
        raise UserError("\n".join(lines)) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{file}: {error}") from None


def sorted_offers(settings: Settings, pool: PoolCapacity, min_nodes: int) -> list[Offer]:
    """Return the offers for a pool, the cheapest first. Machines without a price follow."""
    section = settings.capacity
    names = list(section.candidates.machines if section and section.candidates else ())
    names += [name for name in machine_types(settings, pool.pool) if name not in names]
    offers = (_offer(settings, pool, name, min_nodes) for name in names)
    return sorted(offers, key=lambda offer: offer.order)


def _offer(settings: Settings, pool: PoolCapacity, name: str, min_nodes: int) -> Offer:
    section = settings.capacity
    assert section is not None
    resources = candidate_size(settings, name, partial(known_size, settings))
    if resources is None:
        raise UserError(
            f"candidate {name}: neither its CPUs and memory nor a table with it are known; add cpu and memory"
        )
    size = node_size(section, pool_kubelet(settings, pool.pool), *resources)
    candidate = section.candidates.machines.get(name) if section.candidates else None
    price = candidate.price if candidate else None
    try:
        nodes: int | None = max(plan_workers(pool.applications, size, pool.reserve).workers, min_nodes)
    except ValueError:
        nodes = None
    # A binary fraction would show prices such as 0.30000000000000004.
    return Offer(name, size, nodes, None if price is None else Fraction(str(price)))


def _pool_table(pool: PoolCapacity) -> Table:
    requested, available = pool.requested, pool.available
    reserve = f"{float(pool.reserve * 100):.0f} % reserve"
    rows = Table(
        *("", f"REQUESTED WITH {reserve.upper()}", f"FOR PODS ON {pool.count} NODES"),
        title=f"pool {pool.pool}",
        title_justify="left",
    )
    rows.add_row("cpu", format_cores(requested.cpu), format_cores(available.cpu))
    rows.add_row("memory", format_bytes(requested.memory), format_bytes(available.memory))
    rows.add_row("pods", f"{requested.pods:,}", f"{available.pods:,}")
    rows.add_row("containers", f"{requested.containers:,}", "")
    return rows


def _offer_table(settings: Settings, pool: PoolCapacity, offers: list[Offer]) -> Table:
    """Return the table of machines. Its title has the date and the unit of the prices."""
    table = _candidates(settings.capacity)
    unit = f"{table.currency} per {table.per}, prices of {table.date}" if table else "no prices"
    rows = Table(
        *("MACHINE", "CORES FOR PODS", "MEMORY FOR PODS", "PODS", "NODES", "PRICE OF ONE", "PRICE OF ALL"),
        title=f"machines for pool {pool.pool} ({unit})",
        title_justify="left",
    )
    for offer in offers:
        rows.add_row(
            offer.machine,
            f"{float(offer.size.cpu):.4g}",
            format_bytes(offer.size.memory),
            str(offer.size.pods),
            _format_nodes(offer.nodes),
            _format_price(offer.price),
            _format_price(offer.total),
        )
    return rows


def _candidates(section: CapacitySettings | None) -> CandidateTableSettings | None:
    return section.candidates if section else None


def _format_nodes(nodes: int | None) -> str:
    if nodes is None:
        return "too small for a pod"
    return f"{nodes:,} (more than {MAX_NODES:,})" if nodes > MAX_NODES else f"{nodes:,}"


def _format_price(price: Fraction | None) -> str:
    return "unknown" if price is None else f"{float(price):,.10g}"
