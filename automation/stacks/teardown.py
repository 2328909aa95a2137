"""Destroys a stack although hosts do not answer: everything else is deleted, and these hosts are named.

Deleting the command of a host resets the host. The engine deletes a resource only after everything that
depends on it, so a command that cannot be deleted also keeps etcd, control planes and certificates. A host
that does not answer needs none of them. A second run of the engine therefore deletes them, after the
references of this host's commands are removed from the state.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from automation.engine.interrupts import current_shutdown
from automation.engine.program import Engine
from automation.lab_stack import CLUSTER_KEY
from automation.operations.remote import Remote
from automation.stacks.events import Message
from automation.stacks.result import Outcome, Result, ShowLine
from nodeconfig.host_paths import STATE_DIRECTORY
from providers.ssh_errors import never_reached
from settings import SettingsError, load
from settings.metal import MetalSettings
from topology.model import Role

State = dict[str, Any]
_COMMAND = "command:remote:Command"
# With this file a host leaves without waiting for a quorum of etcd (nodeconfig/host/node.sh).
_MARK_LEAVING = f"mkdir -p {STATE_DIRECTORY} && : >{STATE_DIRECTORY}/leaving"
_MAX_SHOWN = 5


def destroy(engine: Engine, run: Callable[[], Result], show: ShowLine) -> Result:
    """Destroy a stack. `run` runs the engine and returns its result, and `show` prints a line."""
    latest = total = run()
    kept: set[str] = set()
    # A run can find further hosts: it starts with the commands that others depended on.
    while (unreached := unreached_commands(latest) - kept) and not current_shutdown().requested:
        state = _export(engine)
        kept |= commands_of_same_hosts(state, unreached) | unreached
        for problem in _mark_as_leaving(engine, hosts_of(state) - {_host(urn) for urn in kept}):
            show(problem)
        engine.import_state(json.dumps(detach(state, kept)))
        latest = run()
        total = _merge(total, latest)
    return total


def unreached_commands(result: Result) -> set[str]:
    """Return the URNs of commands that failed because their hosts were never reached."""
    return {
        event.urn
        for event in result.events
        if isinstance(event, Message) and event.severity == "error" and _is_command(event.urn)
        if never_reached(event.text)
    }


def commands_of_same_hosts(state: State, urns: Collection[str]) -> set[str]:
    """Return the commands `urns` that are in the state, and the commands of all roles of their hosts."""
    hosts = {host for urn in urns if (host := _host(urn))}
    present = {resource["urn"] for resource in _resources(state) if resource["type"] == _COMMAND}
    return {urn for urn in present if urn in urns or _host(urn) in hosts}


def hosts_of(state: State) -> set[str]:
    """Return the hosts that have a delivery in the state."""
    urns = (resource["urn"] for resource in _resources(state) if resource["type"] == _COMMAND)
    return {host for urn in urns if (host := _host(urn))}


def detach(state: State, urns: Collection[str]) -> State:
    """Return the state without references from `urns` and their parents to resources that can be deleted."""
    resources = _resources(state)
    parents = {resource["urn"]: resource.get("parent") for resource in resources}
    kept: set[str] = set()
    for urn in urns:
        ancestor: str | None = urn
        while ancestor and ancestor not in kept:
            kept.add(ancestor)
            ancestor = parents.get(ancestor)
    detached = [_without_others(each, kept) if each["urn"] in kept else each for each in resources]
    return {**state, "deployment": {**state["deployment"], "resources": detached}}


def describe_rest(stack: str, state: State) -> str:
    """Return the message about what a destroy did not delete; an empty text if nothing remains."""
    rest = [each["urn"] for each in _resources(state) if each.get("custom") and not _is_provider(each["urn"])]
    if not rest:
        return ""
    by_host: dict[str, list[str]] = defaultdict(list)
    for urn in rest:
        by_host[_host(urn) if _is_command(urn) else ""].append(_name(urn))
    others = by_host.pop("", [])
    texts = [f"{host} ({', '.join(sorted(names))})" for host, names in sorted(by_host.items())]
    texts += [_first_few(others)] if others else []
    advice = f"run `kubewright destroy --stack {stack}` again"
    if by_host:
        host = min(by_host)
        advice = (
            f"when the hosts answer, {advice}; for a host that is lost, first run "
            f"`kubewright remove-host --stack {stack} --host {host}`"
        )
    return f"stack {stack}: not deleted: {', '.join(texts)}; {advice}"


def _export(engine: Engine) -> State:
    state: State = json.loads(engine.capture("stack export"))
    return state


def _mark_as_leaving(engine: Engine, hosts: Iterable[str]) -> list[str]:
    """Tell hosts that the whole cluster is removed, so that etcd members do not wait for the lost one.

    Return a line for each host that could not be told. Such a host may then fail to leave.
    """
    try:
        metal = load(engine.workspace.config.get(CLUSTER_KEY) or {}).metal or MetalSettings()
    except SettingsError as error:
        return [str(error)]
    remote = Remote(metal, engine.workspace.directory / "ssh")
    results = remote.run_on_all(sorted(set(hosts) & set(metal.hosts)), _MARK_LEAVING)
    return [
        f"{host}: cannot be told that the cluster is removed: {result.reason}"
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


def _without_others(resource: Mapping[str, Any], kept: Collection[str]) -> State:
    """Return a resource of a state without references to resources outside `kept`."""
    result = dict(resource)
    if "dependencies" in result:
        result["dependencies"] = [urn for urn in result["dependencies"] if urn in kept]
    if "propertyDependencies" in result:
        result["propertyDependencies"] = {
            key: [urn for urn in urns or [] if urn in kept]
            for key, urns in result["propertyDependencies"].items()
        }
    if result.get("deletedWith") not in kept:
        result.pop("deletedWith", None)
    return result


def _resources(state: State) -> list[State]:
    return list((state.get("deployment") or {}).get("resources") or [])


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


def _first_few(names: list[str]) -> str:
    hidden = len(names) - _MAX_SHOWN
    return ", ".join(names[:_MAX_SHOWN]) + (f" and {hidden} more" if hidden > 0 else "")
