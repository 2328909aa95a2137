"""Commands that print plans without running the engine: `plan ports`, `plan capacity`."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer
import yaml
from pydantic import Field, ValidationError
from rich.console import Console
from rich.table import Table

from assembly import build_topology
from automation.errors import UserError
from formats.quantity import format_bytes, parse_bytes, parse_quantity
from settings.base import Section
from settings.problem import SettingsError, format_path
from settings.stackfile import load_file
from settings.types import NonEmpty, Quantity
from topology import capacity as planning
from topology import sizing
from topology.firewall_rules import port_table
from topology.model import Topology
from topology.network import max_node_ranges, pod_addresses, service_addresses

PANEL = "Look at a cluster"
_plan = typer.Typer(no_args_is_help=True, help="Ports, networks and capacity of a cluster before it exists.")

StackFile = Annotated[
    Path, typer.Argument(help="The stack file, such as Pulumi.dev.yaml.", metavar="STACKFILE")
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.add_typer(_plan, name="plan", rich_help_panel=PANEL)


@_plan.command()
def ports(stack: StackFile) -> None:
    """Print the ports, the network plan and the undersized hosts of a stack."""
    try:
        topology = build_topology(load_file(stack))
    except SettingsError as error:
        raise UserError(str(error)) from None
    typer.echo(port_table(topology))
    Console().print(_network_plan(topology))
    for line in sizing.size_warnings(topology):
        typer.echo(f"warning: {line}")


class ApplicationRequests(Section):
    """The number of pods of an application, and the resource requests of each pod."""

    replicas: int = Field(ge=0)
    cpu: Quantity
    memory: Quantity
    containers: int = Field(default=1, ge=1)


class WorkerResources(Section):
    """The resources of a worker that are available to pods."""

    cpu: Quantity
    memory: Quantity
    pods: int = Field(default=planning.MAX_PODS_PER_NODE, ge=1, le=planning.MAX_PODS_PER_NODE)


class CapacityRequest(Section):
    """The content of the file that `plan capacity` reads: a worker's resources, and applications by name."""

    worker: WorkerResources
    applications: dict[NonEmpty, ApplicationRequests]


@_plan.command()
def capacity(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="YAML: worker {cpu, memory}, applications {name: {…}}."),
    ],
) -> None:
    """Print how many workers the applications of a file need, with a reserve of 20 %."""
    try:
        requested = CapacityRequest.model_validate(yaml.safe_load(file.read_text()))
        worker = requested.worker
        capacity_plan = planning.plan_workers(
            [
                planning.Application(
                    name, item.replicas, parse_quantity(item.cpu), parse_bytes(item.memory), item.containers
                )
                for name, item in requested.applications.items()
            ],
            planning.WorkerSize(parse_quantity(worker.cpu), parse_bytes(worker.memory), worker.pods),
        )
    except ValidationError as error:
        problems = (f"{file}: {format_path(item['loc'])}: {item['msg']}" for item in error.errors())
        raise UserError("\n".join(problems)) from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{file}: {error}") from None
    Console().print(_capacity_table(capacity_plan))
    if capacity_plan.exceeded_limits:
        raise UserError("\n".join(capacity_plan.exceeded_limits))


def _network_plan(topology: Topology) -> Table:
    network = topology.network
    rows = Table("RANGE", "VALUE", "HOLDS", title=f"network plan of {topology.name}", title_justify="left")
    rows.add_row("machines", ", ".join(map(str, network.machines)), f"{len(topology.machines)} hosts")
    node_ranges = f"{max_node_ranges(network.pods, network.node_prefix):,} nodes of a /{network.node_prefix}"
    rows.add_row(
        "pods", str(network.pods), f"{node_ranges}, {pod_addresses(network.node_prefix):,} pods each"
    )
    rows.add_row("services", str(network.services), f"about {service_addresses(network.services):,} services")
    first, last = network.node_ports
    rows.add_row("node ports", f"{first}-{last}", f"{last - first + 1:,} ports")
    rows.add_row("endpoint", topology.endpoint.url, "the API")
    rows.add_row("cluster DNS", str(network.dns_service), network.domain)
    return rows


def _capacity_table(plan: planning.CapacityPlan) -> Table:
    rows = Table("BY", "REQUESTED WITH RESERVE", "WORKERS", title="capacity plan", title_justify="left")
    rows.add_row("cpu", f"{float(Fraction(plan.cpu)):.4g} cores", str(plan.workers_by_cpu))
    rows.add_row("memory", format_bytes(plan.memory), str(plan.workers_by_memory))
    rows.add_row("pods", f"{plan.pods:,}", str(plan.workers_by_pods))
    rows.add_row("placement of all pods", "", str(plan.workers_by_placement))
    rows.add_row("all", "", str(plan.workers))
    return rows
