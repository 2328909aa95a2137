"""The command `new`, which writes a stack file."""

from __future__ import annotations

from typing import Annotated

import typer

from automation.cli.options import StackFile
from automation.new_stack.create import NewStack, create, template_names
from automation.new_stack.hosts import HostAddresses, format_list

PANEL = "Change a cluster"

Name = Annotated[str, typer.Argument(help="Name of the stack and of its cluster.")]
Source = Annotated[str, typer.Option("--from", help=f"Template: {', '.join(template_names())}.")]
Kind = Annotated[
    str, typer.Option("--environment", help="poc, lab, test or production.", show_default="from the template")
]
Networks = Annotated[
    list[str] | None, typer.Option("--network", help="Network of the machines. Repeatable for hosts.")
]
Allowed = Annotated[
    list[str] | None,
    typer.Option("--allow", help="Network that may connect to the API and to SSH. Repeatable."),
]
Endpoint = Annotated[str, typer.Option("--endpoint", help="Address or DNS name of the API.")]
Mirror = Annotated[str, typer.Option("--mirror", help="HTTPS address of the mirror.")]
ControlPlanes = Annotated[
    list[str] | None, typer.Option("--control-plane", help="Address of an existing host. Repeatable.")
]
Workers = Annotated[
    list[str] | None, typer.Option("--worker", help="Address of an existing host. Repeatable.")
]
LoadBalancers = Annotated[
    list[str] | None, typer.Option("--load-balancer", help="Address of an existing host. Repeatable.")
]
SshUser = Annotated[str, typer.Option("--ssh-user", help="SSH user on existing hosts.", show_default="root")]
Account = Annotated[str, typer.Option("--account", help="ID of the account or subscription.")]
Region = Annotated[str, typer.Option("--region", help="Region or location in the cloud.")]
Zones = Annotated[list[str] | None, typer.Option("--zone", help="Zone in the region. Repeatable.")]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(rich_help_panel=PANEL)(new)


def new(
    name: Name,
    source: Source,
    environment: Kind = "",
    network: Networks = None,
    allow: Allowed = None,
    endpoint: Endpoint = "",
    mirror: Mirror = "",
    control_plane: ControlPlanes = None,
    worker: Workers = None,
    load_balancer: LoadBalancers = None,
    ssh_user: SshUser = "",
    account: Account = "",
    region: Region = "",
    zone: Zones = None,
    file: StackFile = None,
) -> None:
    """Write the stack file of a new environment, and check it.

    `dev` and `ha` describe a lab on this machine or, with `--control-plane` and `--worker`, a cluster on your
    own hosts. The other templates describe a cluster in a cloud. The command has no prompts: options without
    a value keep the value of the template, and the output lists the values to replace.

    Example: `kubewright new prod --from dev --control-plane 192.0.2.11 --worker 192.0.2.21`
    """
    options = {
        "environment": environment,
        "endpoint": endpoint,
        "allowed": format_list(allow) if allow else "",
        "mirror": mirror,
        "account": account,
        "region": region,
        "zones": format_list(f'"{each}"' for each in zone) if zone else "",
        "ssh_user": ssh_user,
    }
    given = {option: value for option, value in options.items() if value}
    hosts = HostAddresses(tuple(control_plane or ()), tuple(worker or ()), tuple(load_balancer or ()))
    stack = NewStack(name=name, source=source, options=given, networks=tuple(network or ()), hosts=hosts)
    print(create(stack, file))
