"""The command `new`, which writes a stack file."""

from __future__ import annotations

from typing import Annotated

import typer

from automation.cli.options import StackFile
from automation.new_stack.create import NewStack, create, template_names
from automation.new_stack.hosts import HostAddresses, format_list

PANEL = "Change a cluster"

Addresses = list[str] | None


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(rich_help_panel=PANEL)(new)


def new(
    name: Annotated[str, typer.Argument(help="Name of the stack and of its cluster.")],
    source: Annotated[
        str, typer.Option("--from", help=f"What to start from: {', '.join(template_names())}.")
    ],
    environment: Annotated[
        str, typer.Option("--environment", help="poc, lab, test or production.", show_default="of --from")
    ] = "",
    network: Annotated[
        Addresses, typer.Option("--network", help="Network of the machines. Repeatable for hosts.")
    ] = None,
    allow: Annotated[
        Addresses, typer.Option("--allow", help="Network that may reach the API and SSH. Repeatable.")
    ] = None,
    endpoint: Annotated[str, typer.Option("--endpoint", help="Address or DNS name of the API.")] = "",
    mirror: Annotated[str, typer.Option("--mirror", help="HTTPS address of the mirror.")] = "",
    control_plane: Annotated[
        Addresses, typer.Option("--control-plane", help="Address of an existing host. Repeatable.")
    ] = None,
    worker: Annotated[
        Addresses, typer.Option("--worker", help="Address of an existing host. Repeatable.")
    ] = None,
    load_balancer: Annotated[
        Addresses, typer.Option("--load-balancer", help="Address of an existing host. Repeatable.")
    ] = None,
    ssh_user: Annotated[
        str, typer.Option("--ssh-user", help="SSH user on existing hosts.", show_default="root")
    ] = "",
    account: Annotated[str, typer.Option("--account", help="Id of the account or subscription.")] = "",
    region: Annotated[str, typer.Option("--region", help="Region or location in the cloud.")] = "",
    zone: Annotated[Addresses, typer.Option("--zone", help="Zone in the region. Repeatable.")] = None,
    file: StackFile = None,
) -> None:
    """Write the stack file of a new environment, and check it.

    `dev` and `ha` describe hosts of a lab on this machine, or, with `--control-plane` and `--worker`, your
    own hosts. The other names describe a cluster in that cloud. The command asks nothing: options that are
    not given keep the values of the example, and the output lists what to replace.

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
    request = NewStack(
        name=name,
        source=source,
        options={option: value for option, value in options.items() if value},
        networks=tuple(network or ()),
        hosts=HostAddresses(tuple(control_plane or ()), tuple(worker or ()), tuple(load_balancer or ())),
    )
    print(create(request, file))
