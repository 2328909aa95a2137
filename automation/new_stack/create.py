"""Writes and checks a new stack file, for the command `kubewright new`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, cast

import yaml

from automation import workspace
from automation.environment import CHECKOUT
from automation.errors import UserError
from automation.lab_stack import CLUSTER_KEY, lab_requirements
from automation.new_stack.hosts import HostAddresses, parse_network
from automation.new_stack.lab_networks import free_network
from automation.new_stack.template import Template, templates
from automation.workspace import LAB_KEY
from formats.documents import parse_yaml
from settings import SettingsError, load

HIGHLY_AVAILABLE = "ha"
LAB_TEMPLATES = ("dev", HIGHLY_AVAILABLE)
"""The templates for labs. Together with addresses of hosts, they describe a cluster on these hosts."""
_HOSTS_TEMPLATE = "hosts"
_LAB_PREFIX = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStack:
    """The request for a new stack file.

    `source` is the value of `--from`. `options` are the values from the user, by their names in
    `templates.yaml`. `networks` are the values of `--network`.
    """

    name: str
    source: str
    options: Mapping[str, str] = field(default_factory=dict)
    networks: tuple[str, ...] = ()
    hosts: HostAddresses = field(default_factory=HostAddresses)


def template_names() -> list[str]:
    """Return the names that `--from` accepts."""
    return [name for name in templates() if name != _HOSTS_TEMPLATE]


def create(new: NewStack, file: Path | None = None) -> str:
    """Write the stack file and return the next steps as text. An existing file is never overwritten.

    `file` is the path of the stack file; by default the file is in the checkout. Raise UserError with all
    problems of the options or of the settings before anything is written.
    """
    path = file or workspace.stack_file(new.name)
    template = _template_of(new)
    values = template.complete(new.options, {"name": new.name, **_derived_values(new)})
    text = template.render(values)
    _check(new.name, text)
    try:
        with path.open("x") as stack_file:
            stack_file.write(text)
    except FileExistsError:
        raise UserError(f"{path.name}: already exists; remove the file, or choose another name") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}; choose another path") from None
    stack = f"--stack {new.name}" + (f" --file {file}" if file else "")
    return _next_steps(path, template, new.options, {**values, "stack": stack})


def _template_of(new: NewStack) -> Template:
    """Return the template. Raise UserError for an unknown template or for options that it does not use."""
    if new.source not in template_names():
        raise UserError(f"--from {new.source}: expected one of {', '.join(template_names())}")
    if new.hosts and new.source not in LAB_TEMPLATES:
        raise UserError(f"--from {new.source}: creates its own machines; omit the addresses of hosts")
    template = templates()[_HOSTS_TEMPLATE if new.hosts else new.source]
    unused = [option for option in new.options if option not in template.options]
    if unused:
        names = ", ".join("--" + _OPTION_NAMES.get(option, option).replace("_", "-") for option in unused)
        raise UserError(
            f"{names}: not used by --from {new.source}{_without_addresses(new)}; omit this option"
        )
    return template


def _without_addresses(new: NewStack) -> str:
    """Return the reason why a template for a lab does not use the options for hosts; empty otherwise."""
    return " without --control-plane and --worker" if new.source in LAB_TEMPLATES and not new.hosts else ""


_OPTION_NAMES = {"allowed": "allow", "zones": "zone"}
"""Names of options on the command line that differ from their names in `templates.yaml`."""


def _derived_values(new: NewStack) -> dict[str, str]:
    """Return the values that are computed from the options, for the defaults and texts of the template."""
    networks = [parse_network("--network", text) for text in new.networks]
    if new.hosts:
        endpoint = new.options.get("endpoint", "")
        problems = new.hosts.problems(endpoint, highly_available=new.source == HIGHLY_AVAILABLE)
        if problems:
            raise UserError("\n".join(problems))
        return new.hosts.values(endpoint=endpoint, networks=networks)
    if len(networks) > 1:
        raise UserError("--network: this template has one network; give the option only once")
    if new.source in LAB_TEMPLATES:
        network = networks[0] if networks else free_network(CHECKOUT)
        return {"network": str(network), "prefix": _lab_prefix(network)}
    return {"network": str(networks[0])} if networks else {}


def _lab_prefix(network: IPv4Network) -> str:
    """Return the first three numbers of the addresses of a lab and the dot after them: `10.100.0.`."""
    if network.prefixlen != _LAB_PREFIX:
        raise UserError(
            f"--network {network}: not a /{_LAB_PREFIX} network; give a network such as "
            f"10.100.0.0/{_LAB_PREFIX}"
        )
    return str(network.network_address).removesuffix("0")


def _check(name: str, text: str) -> None:
    """Raise UserError with all problems of the settings."""
    try:
        config = cast(dict[str, Any], parse_yaml(text))["config"]
        load(config[CLUSTER_KEY])
    except yaml.YAMLError as error:
        raise UserError(
            f"a value is not valid YAML: {' '.join(str(error).split())}; nothing was written"
        ) from None
    except SettingsError as error:
        raise UserError(f"nothing was written, because the settings are invalid:\n{error}") from None
    if LAB_KEY in config:
        lab_requirements(name, config, CHECKOUT)


def _next_steps(path: Path, template: Template, given: Mapping[str, str], values: Mapping[str, str]) -> str:
    lines = [f"{path}: written and checked"]
    remaining_examples = [text for option, text in template.examples.items() if option not in given]
    if remaining_examples:
        lines.append("\nReplace these examples before `up`:")
        lines += [f"  {text}" for text in remaining_examples]
    lines += ["\nNext:", *(f"  {command.format_map(values)}" for command in template.next)]
    return "\n".join(lines)
