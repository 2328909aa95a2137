"""The command `cis` [P1]: collects facts of all hosts and objects in the API, and prints the results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from automation.console import console
from automation.errors import UserError
from automation.operations.cis import cluster_objects, facts, report
from automation.operations.cis.evaluation import CLUSTER, Result, judge_cluster, judge_host
from automation.operations.cis.facts import CisFacts
from automation.operations.cis.judges import Outcome
from automation.operations.cluster_facts import ApiUnavailable
from automation.operations.remote import ScriptResult
from automation.operations.target import Target
from topology.model import Role

_TIMEOUT_SECONDS = 60
_UNREACHABLE_ADVICE = "check that the host runs and that SSH reaches it, then run the command again"
_API_ADVICE = "check the API servers with `kubewright status`, then run the command again"


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The results of all checks. `errors` has the reasons by host, or by `CLUSTER`, for missing results."""

    results: tuple[Result, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Check whether everything was checked and no check failed."""
        return not self.errors and all(item.verdict.outcome is not Outcome.FAIL for item in self.results)


def cis(target: Target, file: Path | None, *, as_json: bool) -> int:
    """Print the results of all checks, and write them to `file`. Return 1 after a failure or an error.

    Raise UserError when the file cannot be written.
    """
    outcomes = check_cluster(target)
    roles = {machine.name: machine.roles for machine in target.topology.machines}
    if as_json:
        text = report.as_json(target.stack, outcomes.results, outcomes.errors)
        print(text, end="")
    else:
        tables = report.as_tables(roles, outcomes.results, outcomes.errors)
        text = report.as_plain_text(tables)
        console().print(tables)
    if file is not None:
        try:
            file.write_text(text)
        except OSError as error:
            raise UserError(f"--report {file}: {error.strerror}; give a path that can be written") from None
    return 0 if outcomes.ok else 1


def check_cluster(target: Target) -> Outcomes:
    """Return the results of all hosts and of the cluster."""
    collected = target.remote.run_on_all(target.hosts, facts.collection_script(), timeout=_TIMEOUT_SECONDS)
    hosts, errors = _parse_all(collected)
    results: list[Result] = []
    for machine in target.topology.machines:
        if machine.name in hosts:
            results += judge_host(machine.name, machine.roles, hosts[machine.name], hosts)
    control_planes = [name for name in target.with_role(Role.CONTROL_PLANE) if name in hosts]
    try:
        if not control_planes:
            raise ApiUnavailable("no control plane can be reached")
        objects = cluster_objects.query(
            target.remote, control_planes, [hosts[name] for name in control_planes]
        )
        results += judge_cluster(objects)
    except ApiUnavailable as error:
        errors[CLUSTER] = f"{error}; {_API_ADVICE}"
    return Outcomes(tuple(results), errors)


def _parse_all(collected: Mapping[str, ScriptResult]) -> tuple[dict[str, CisFacts], dict[str, str]]:
    """Return the facts by host, and the reasons for hosts without facts."""
    hosts: dict[str, CisFacts] = {}
    errors: dict[str, str] = {}
    for host, result in collected.items():
        if not result.ok:
            errors[host] = f"{result.reason}; {_UNREACHABLE_ADVICE}"
            continue
        try:
            hosts[host] = facts.parse(result.output)
        except ValueError as error:
            errors[host] = f"{error}; {_UNREACHABLE_ADVICE}"
    return hosts, errors
