"""Destroys a stack that has unreachable hosts: deletes all other resources and reports the unreachable hosts.

The engine resets a host when it deletes the command resource of the host. The engine deletes a resource only
after all resources that depend on it. A command that cannot be deleted therefore prevents the deletion of
etcd, control planes and certificates. An unreachable host needs none of them. This module removes the
references of its commands to other resources from the state, and runs the engine again.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from automation.engine.interrupts import current_shutdown
from automation.engine.program import Engine
from automation.engine.state import State, export_encrypted, resources_of, without_references
from automation.lab_stack import CLUSTER_KEY
from automation.operations.ssh import SshRemote
from automation.stacks.events import Message
from automation.stacks.result import Outcome, Result, ShowLine
from formats.lists import shorten_list
from nodeconfig.host_paths import STATE_DIRECTORY
from providers.ssh_errors import never_reached
from settings import SettingsError, load
from settings.metal import MetalSettings
from topology.model import Role

_COMMAND = "command:remote:Command"
# If this file exists, the reset of a host does not wait for a quorum of etcd (nodeconfig/host/node.sh).
_MARK_LEAVING = f"mkdir -p {STATE_DIRECTORY} && : >{STATE_DIRECTORY}/leaving"


def destroy(engine: Engine, run: Callable[[], Result], show: ShowLine) -> Result:
    """Destroy a stack. `run` runs the engine and returns its result. `show` prints a line."""
    latest = total = run()
    unreachable: set[str] = set()
    # A later run can find more unreachable hosts: it also tries to delete the commands on which the commands
    # of the unreachable hosts depended.
    while (found := unreachable_commands(latest) - unreachable) and not current_shutdown().requested:
        state = export_encrypted(engine)
        unreachable |= commands_of_same_hosts(state, found) | found
        for problem in _mark_as_leaving(engine, hosts_of(state) - {_host(urn) for urn in unreachable}):
            show(problem)
        engine.import_state(json.dumps(without_dependencies(state, unreachable)))
        latest = run()
        total = _merge(total, latest)
    return total


def unreachable_commands(result: Result) -> set[str]:
    """Return the URNs of the commands that failed because no connection to their hosts was made."""
    return {
        event.urn
        for event in result.events
        if isinstance(event, Message) and event.severity == "error" and _is_command(event.urn)
        if never_reached(event.text)
    }


def commands_of_same_hosts(state: State, urns: Collection[str]) -> set[str]:
    """Return the commands `urns` that are in the state, and all other commands of their hosts."""
    hosts = {host for urn in urns if (host := _host(urn))}
    present = {resource["urn"] for resource in resources_of(state) if resource["type"] == _COMMAND}
    return {urn for urn in present if urn in urns or _host(urn) in hosts}


def hosts_of(state: State) -> set[str]:
    """Return the hosts that have a delivery in the state."""
    urns = (resource["urn"] for resource in resources_of(state) if resource["type"] == _COMMAND)
    return {host for urn in urns if (host := _host(urn))}


def without_dependencies(state: State, urns: Collection[str]) -> State:
    """Return the state without references from the resources `urns` and their parents to other resources."""
    resources = resources_of(state)
    parents = {resource["urn"]: resource.get("parent") for resource in resources}
    kept: set[str] = set()
    for urn in urns:
        ancestor: str | None = urn
        while ancestor and ancestor not in kept:
            kept.add(ancestor)
            ancestor = parents.get(ancestor)
    edited = [
        without_references(each, kept.__contains__) if each["urn"] in kept else each for each in resources
    ]
    return {**state, "deployment": {**state["deployment"], "resources": edited}}


def describe_remaining_resources(stack: str, state: State) -> str:
    """Return the message about resources that `destroy` did not delete; empty if no resource remains."""
    remaining = [
        each["urn"] for each in resources_of(state) if each.get("custom") and not _is_provider(each["urn"])
    ]
    if not remaining:
        return ""
    by_host: dict[str, list[str]] = defaultdict(list)
    for urn in remaining:
        by_host[_host(urn) if _is_command(urn) else ""].append(_name(urn))
    others = by_host.pop("", [])
    texts = [f"{host} ({', '.join(sorted(names))})" for host, names in sorted(by_host.items())]
    texts += [shorten_list(others)] if others else []
    advice = f"run `kubewright destroy --stack {stack}` again"
    if by_host:
        host = min(by_host)
        advice = (
            f"when the hosts are reachable, {advice}; for a host that is lost, first run "
            f"`kubewright remove-host --stack {stack} --host {host}`"
        )
    return f"stack {stack}: not deleted: {', '.join(texts)}; {advice}"


def _mark_as_leaving(engine: Engine, hosts: Iterable[str]) -> list[str]:
    """Create a file on each host that marks the removal of the whole cluster.

    With this file, etcd members do not wait for an unreachable member. Return a line for each host on which
    the file could not be created. The reset of such a host can fail.
    """
    try:
        metal = load(engine.workspace.config.get(CLUSTER_KEY) or {}).metal or MetalSettings()
    except SettingsError as error:
        return [str(error)]
    remote = SshRemote(metal, engine.workspace.directory / "ssh")
    results = remote.run_on_all(sorted(set(hosts) & set(metal.hosts)), _MARK_LEAVING)
    return [
        f"{host}: the removal of the cluster could not be marked on this host: {result.reason}"
        for host, result in results.items()
        if not result.ok
    ]


def _merge(first: Result, second: Result) -> Result:
    """Return the result of two runs. The second run decides whether the action failed."""
    outcome = Outcome.FAILED if second.outcome is Outcome.FAILED else Outcome.CHANGES
    changes = Counter(first.changes) + Counter({k: n for k, n in second.changes.items() if k != "same"})
    return replace(
        second,
        outcome=outcome,
        events=first.events + second.events,
        changes=dict(changes),
        seconds=first.seconds + second.seconds,
    )


def _is_command(urn: str) -> bool:
    return _type(urn) == _COMMAND


def _is_provider(urn: str) -> bool:
    return _type(urn).startswith("pulumi:providers:")


def _type(urn: str) -> str:
    """Return the type token of a URN, without the types of its parents."""
    return urn.split("::")[-2].rpartition("$")[2] if "::" in urn else ""


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def _host(urn: str) -> str:
    """Return the host of a command `<host>-<role>`; an empty text for other resources."""
    name = _name(urn)
    return next((name.removesuffix(f"-{role}") for role in Role if name.endswith(f"-{role}")), "")
