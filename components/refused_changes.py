"""Hooks of components that refuse changes which a cluster does not survive.

The component records its etcd members and versions as inputs. Hooks of the engine compare them with the
inputs in the state, in previews too, so that `pulumi up` without the driver refuses the change as well.
States of earlier releases have no such inputs; hosts check versions themselves (`nodeconfig/host/guard.sh`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions

from topology.transitions import find_member_problem, skips_minor_version

Inputs = Mapping[str, object]
"""The inputs of a component."""
MEMBERS, VERSION = "members", "version"
"""The inputs that hooks compare: a list of member names, and the version of the component's program."""


def refuse_changes(name: str, *checks: Callable[[Inputs, Inputs], str]) -> ResourceHookBinding:
    """Return hooks that fail an update of a component, and its preview, when a check finds a problem.

    A check receives the inputs in the state and the new inputs. `name` is the name of the component.
    """

    def refuse(args: ResourceHookArgs) -> None:
        old, new = args.old_inputs or {}, args.new_inputs or {}
        if problems := [problem for check in checks if (problem := check(old, new))]:
            raise RuntimeError("; ".join(problems))

    options = ResourceHookOptions(on_dry_run=True)
    return ResourceHookBinding(before_update=[ResourceHook(f"{name}-refused-changes", refuse, options)])


def check_members(old: Inputs, new: Inputs) -> str:
    """Return the problem with a change of the etcd members; empty for a supported change."""
    before, after = old.get(MEMBERS), new.get(MEMBERS)
    problem = (
        find_member_problem(before, after) if isinstance(before, list) and isinstance(after, list) else ""
    )
    return f"etcd.hosts: {problem}" if problem else ""


def check_version(setting: str) -> Callable[[Inputs, Inputs], str]:
    """Return a check that finds a skipped minor version.

    `setting` is the setting of the version. A lower version is no problem here: after a failed upgrade the
    state has the new version and all hosts may have the old one. Hosts refuse to go back.
    """

    def check(old: Inputs, new: Inputs) -> str:
        before, after = old.get(VERSION), new.get(VERSION)
        if isinstance(before, str) and isinstance(after, str) and skips_minor_version(before, after):
            return (
                f"{setting}: {before} cannot become {after} in one step; set each minor version in turn, "
                "each followed by `up`"
            )
        return ""

    return check
