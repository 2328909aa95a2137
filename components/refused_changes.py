"""Engine hooks that refuse changes that would destroy a cluster or its data.

A component records its etcd members, its version and the stages of its encryption as inputs. Before an update
the engine calls the hooks, which compare the new inputs with the inputs in the state. The engine also calls
them in previews, and in `pulumi up` without the driver. States of earlier versions do not have these inputs.
In addition, hosts check versions and stages (`nodeconfig/host/guard.sh`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions

from topology.dns import NodeCache
from topology.encryption import ENCRYPTION
from topology.encryption_stages import find_skipped_stages, record_rotations, recorded_rotations
from topology.model import Topology
from topology.options import NetworkPlugin
from topology.rotations import Certificates
from topology.transitions import find_member_problem, skips_minor_version

Inputs = Mapping[str, object]
"""The inputs of a component."""
MEMBERS, VERSION, NODE_CACHE, CNI, ISSUERS = "members", "version", "node_cache", "cni", "issuers"
CILIUM = "cilium"
"""The inputs that hooks compare: a list of member names, the version of etcd or Kubernetes, the use of the
DNS cache of nodes, the CNI, a list of the issuers of service account tokens, and the options of Cilium. The
input `encryption` has the generations of the encryption.
"""


def refuse_changes(name: str, *checks: Callable[[Inputs, Inputs], str]) -> ResourceHookBinding:
    """Return hooks that fail the update of a component, and its preview, when a check returns a problem.

    A check receives the inputs in the state and the new inputs. `name` is the name of the component.
    """

    def refuse(args: ResourceHookArgs) -> None:
        old, new = args.old_inputs or {}, args.new_inputs or {}
        if problems := [problem for check in checks if (problem := check(old, new))]:
            raise RuntimeError("; ".join(problems))

    options = ResourceHookOptions(on_dry_run=True)
    return ResourceHookBinding(before_update=[ResourceHook(f"{name}-refused-changes", refuse, options)])


def check_members(old: Inputs, new: Inputs) -> str:
    """Return the reason why a change of the etcd members is refused; empty for a supported change."""
    before, after = old.get(MEMBERS), new.get(MEMBERS)
    problem = (
        find_member_problem(before, after) if isinstance(before, list) and isinstance(after, list) else ""
    )
    return f"etcd.hosts: {problem}" if problem else ""


def encryption_inputs(certificates: Certificates) -> dict[str, object]:
    """Return the input with the generations of the encryption, if any is not the first."""
    recorded = record_rotations(certificates)
    return {ENCRYPTION: recorded} if recorded else {}


def check_encryption(old: Inputs, new: Inputs) -> str:
    """Return the reason why a change of the encryption is refused; empty for the next stage.

    Control planes of a cloud are new machines after each change, so they cannot check their own stage.
    """
    before, after = (recorded_rotations(inputs.get(ENCRYPTION)) for inputs in (old, new))
    return "; ".join(find_skipped_stages(before, after))


def recorded_inputs(topology: Topology) -> Inputs:
    """Return the inputs of the control planes that hooks compare. The DNS cache and the CNI are omitted when
    they have their defaults. The issuers are never omitted, because states of earlier versions do not have
    them: for these states the issuers are unknown.
    """
    issuers = list(topology.control_plane.service_account_issuers)
    inputs = encryption_inputs(topology.certificates) | {ISSUERS: issuers}
    if topology.dns.node_cache is not NodeCache.NONE:
        inputs[NODE_CACHE] = str(topology.dns.node_cache)
    if topology.network.cni is not NetworkPlugin.FLANNEL:
        inputs[CNI] = str(topology.network.cni)
    if cilium := topology.network.cilium:
        inputs[CILIUM] = {
            "routing_mode": str(cilium.routing_mode),
            "kube_proxy_replacement": str(cilium.replaces_kube_proxy).lower(),
        }
    return inputs


def check_node_cache(old: Inputs, new: Inputs) -> str:
    """Return the reason why the removal of the DNS cache is refused; empty for another change."""
    if old.get(NODE_CACHE) != NodeCache.USED or NODE_CACHE in new:
        return ""
    return (
        "dns.node_cache: used cannot become none in one step, because running pods still ask the cache; set "
        "idle, run `up`, restart the pods, then set none"
    )


def check_cni(old: Inputs, new: Inputs) -> str:
    """Return the reason why a change of the CNI is refused; empty if it stays the same.

    Pods keep the addresses and interfaces of the CNI that created them.
    """
    before, after = (str(inputs.get(CNI, NetworkPlugin.FLANNEL)) for inputs in (old, new))
    if before == after:
        return ""
    return (
        f"network.cni: {before} cannot become {after}, because all pods would lose their network; create "
        "another cluster with this setting and move the workloads there"
    )


def check_cilium(old: Inputs, new: Inputs) -> str:
    """Return the reason why a change of options of Cilium is refused; empty for another change.

    Nodes change one after another, and nodes with different options do not reach each other's pods or
    services.
    """
    before, after = old.get(CILIUM), new.get(CILIUM)
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return ""
    return "; ".join(
        f"network.cilium.{key}: {value} cannot become {after.get(key)} in a running cluster, because pods "
        "would lose connections until all nodes have changed; create another cluster with this setting"
        for key, value in before.items()
        if value != after.get(key)
    )


def check_issuers(old: Inputs, new: Inputs) -> str:
    """Return the reason why a change of the issuer of tokens is refused; empty for a step of such a change.

    API servers change one after another. Each must accept the tokens that the others issue.
    """
    before, after = (inputs.get(ISSUERS) for inputs in (old, new))
    if not (isinstance(before, list) and isinstance(after, list)) or before[0] == after[0]:
        return ""
    if after[0] in before and before[0] in after:
        return ""
    return (
        f"api.service_account_issuer: {before[0]} cannot become {after[0]} in one step, because API servers "
        f"would refuse the tokens of all pods; first set url to {before[0]} and accepted to [{after[0]}] and "
        "run `up`, then exchange both"
    )


def check_version(setting: str) -> Callable[[Inputs, Inputs], str]:
    """Return a check that refuses to skip a minor version.

    `setting` is the name of the setting with the version. The check accepts a lower version, because after a
    failed upgrade the state has the new version while hosts may have the old version. Hosts themselves refuse
    a downgrade.
    """

    def check(old: Inputs, new: Inputs) -> str:
        before, after = old.get(VERSION), new.get(VERSION)
        if isinstance(before, str) and isinstance(after, str) and skips_minor_version(before, after):
            return (
                f"{setting}: {before} cannot become {after} in one step; upgrade one minor version at a "
                "time, and run `up` after each change"
            )
        return ""

    return check
