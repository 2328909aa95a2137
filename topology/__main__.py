"""Plans of a stack, printed without the engine: `python -m topology ports Pulumi.dev.yaml`."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import yaml
from pydantic import Field, ValidationError
from rich.console import Console
from rich.table import Table

from assembly import build_topology
from formats.quantity import format_bytes, parse_bytes, parse_quantity
from settings.base import Section
from settings.problem import SettingsError, format_path
from settings.stackfile import load_file
from settings.types import Filled, Quantity
from topology import capacity as planning
from topology import sizing
from topology.model import Topology
from topology.network import max_node_ranges, pod_addresses, service_addresses
from topology.ports import port_table

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
StackFile = Annotated[Path, typer.Argument(help="The stack's file, such as Pulumi.dev.yaml.")]


@app.command()
def ports(stack: StackFile) -> None:
    """Print the port policy, the network plan and the sizing check of a stack."""
    try:
        built = build_topology(load_file(stack))
    except SettingsError as error:
        _fail(str(error))
    typer.echo(port_table(built))
    Console().print(_network_plan(built))
    for line in sizing.warnings(built):
        typer.echo(f"warning: {line}")


class ApplicationFile(Section):
    """One application: `replicas` pods with these requests each."""

    replicas: int = Field(ge=0)
    cpu: Quantity
    memory: Quantity
    containers: int = Field(default=1, ge=1)


class WorkerFile(Section):
    """What a worker offers to pods, reserved resources taken off."""

    cpu: Quantity
    memory: Quantity
    pods: int = Field(default=planning.MAX_PODS_PER_NODE, ge=1, le=planning.MAX_PODS_PER_NODE)


class CapacityFile(Section):
    """Applications by name, and the size of a worker."""

    worker: WorkerFile
    applications: dict[Filled, ApplicationFile]


@app.command()
def capacity(
    file: Annotated[
        Path, typer.Argument(help="YAML: worker {cpu, memory}, applications {name: {replicas, …}}.")
    ],
) -> None:
    """Print how many workers the applications of a file need, with 20 % to spare."""
    try:
        asked = CapacityFile.model_validate(yaml.safe_load(file.read_text()))
        plan = planning.plan(
            [
                planning.Application(
                    name, item.replicas, parse_quantity(item.cpu), parse_bytes(item.memory), item.containers
                )
                for name, item in asked.applications.items()
            ],
            planning.WorkerSize(
                parse_quantity(asked.worker.cpu), parse_bytes(asked.worker.memory), asked.worker.pods
            ),
        )
    except ValidationError as error:
        _fail("\n".join(f"{file}: {format_path(item['loc'])}: {item['msg']}" for item in error.errors()))
    except (OSError, ValueError, yaml.YAMLError) as error:
        _fail(f"{file}: {error}")
    Console().print(_capacity_table(plan))
    if plan.problems:
        _fail("\n".join(plan.problems))


def _network_plan(built: Topology) -> Table:
    network = built.network
    rows = Table("RANGE", "VALUE", "HOLDS", title=f"network plan of {built.name}", title_justify="left")
    rows.add_row("machines", ", ".join(map(str, network.machines)), f"{len(built.machines)} hosts")
    each = f"{max_node_ranges(network.pods, network.node_prefix):,} nodes of a /{network.node_prefix}"
    rows.add_row("pods", str(network.pods), f"{each}, {pod_addresses(network.node_prefix):,} pods each")
    rows.add_row("services", str(network.services), f"about {service_addresses(network.services):,} services")
    first, last = network.node_ports
    rows.add_row("node ports", f"{first}-{last}", f"{last - first + 1:,} ports")
    rows.add_row("endpoint", built.endpoint.url, "the API")
    rows.add_row("cluster DNS", str(network.dns_service), network.domain)
    return rows


def _capacity_table(plan: planning.Plan) -> Table:
    rows = Table("BY", "ASKED FOR WITH RESERVE", "WORKERS", title="capacity plan", title_justify="left")
    rows.add_row("cpu", f"{float(Fraction(plan.cpu)):.4g} cores", str(plan.by_cpu))
    rows.add_row("memory", format_bytes(plan.memory), str(plan.by_memory))
    rows.add_row("pods", f"{plan.pods:,}", str(plan.by_pods))
    rows.add_row("all", "", str(plan.workers))
    return rows


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    sys.exit(1)


if __name__ == "__main__":
    app(prog_name="python -m topology")
