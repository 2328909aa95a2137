"""The table of risks. Each risk has a detector in `detectors.py` or `pool_detectors.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from automation.report import detectors, pool_detectors
from automation.report.change_facts import ChangeFacts
from automation.report.hosts import natural_key
from automation.report.model import Level, Risk


@dataclass(frozen=True, slots=True)
class RiskRule:
    """A rule that describes a risk and its detector.

    `detect` returns the affected hosts, resources or versions (`from → to`); empty when the risk does not
    apply. `text` completes the sentence "this change …".
    """

    name: str
    level: Level
    text: str
    detect: Callable[[ChangeFacts], list[str]]


_HIGH, _MEDIUM, _LOW = Level.HIGH, Level.MEDIUM, Level.LOW

RULES: tuple[RiskRule, ...] = (
    RiskRule("etcd-data", _HIGH, "deletes or replaces a machine with etcd data", detectors.lost_etcd_data),
    RiskRule(
        "quorum",
        _HIGH,
        "removes more etcd members at once than the quorum tolerates",
        detectors.lost_quorum,
    ),
    RiskRule("data", _HIGH, "deletes or replaces a volume or store with its content", detectors.lost_data),
    RiskRule(
        "authority",
        _HIGH,
        "deletes or replaces a certificate authority, its key, or the key of service accounts",
        detectors.lost_authorities,
    ),
    RiskRule(
        "encryption-key",
        _HIGH,
        "deletes or replaces a key that encrypts objects in etcd",
        detectors.lost_encryption_keys,
    ),
    RiskRule("namespace", _HIGH, "deletes a namespace with everything in it", detectors.deleted_namespaces),
    RiskRule("public-port", _HIGH, "opens a port to the public", detectors.public_ports),
    RiskRule(
        "endpoint",
        _HIGH,
        "deletes or replaces a load balancer or an address of the API",
        detectors.lost_endpoints,
    ),
    RiskRule("control-plane-removed", _HIGH, "removes a control plane", detectors.removed_control_planes),
    RiskRule(
        "max-unavailable",
        _HIGH,
        "removes more nodes of a pool at once than max_unavailable",
        pool_detectors.unavailable_nodes,
    ),
    RiskRule(
        "token-issuer",
        _HIGH,
        "makes valid tokens of service accounts invalid",
        detectors.lost_token_issuers,
    ),
    RiskRule("minor-version", _MEDIUM, "changes a minor version", detectors.changed_minor_versions),
    RiskRule(
        "extra-args",
        _MEDIUM,
        "passes flags to components without checks",
        detectors.added_extra_flags,
    ),
    RiskRule(
        "new-authority",
        _MEDIUM,
        "adds a certificate authority, or changes which one signs",
        detectors.new_authorities,
    ),
    RiskRule(
        "encryption",
        _MEDIUM,
        "changes which key or plugin encrypts objects in etcd",
        detectors.changed_encryption,
    ),
    RiskRule(
        "members-replaced",
        _MEDIUM,
        "replaces members' machines one by one; their volumes are kept",
        detectors.replaced_members,
    ),
    RiskRule("pool-smaller", _MEDIUM, "makes a pool smaller", pool_detectors.smaller_pools),
    RiskRule("pool-removed", _MEDIUM, "removes a pool", pool_detectors.removed_pools),
    RiskRule(
        "only-control-plane",
        _MEDIUM,
        "changes the only control plane: the API may pause",
        detectors.changed_only_control_plane,
    ),
    RiskRule(
        "many-nodes-at-once",
        _MEDIUM,
        "changes every node of a pool, half of them or more at a time",
        pool_detectors.changed_many_nodes_at_once,
    ),
    RiskRule(
        "every-node",
        _LOW,
        "changes every node of a pool, max_unavailable at a time",
        pool_detectors.changed_every_node,
    ),
)


def find_risks(facts: ChangeFacts) -> Iterator[Risk]:
    """Yield the risks that apply, in the order of the table: the most severe risks first."""
    for rule in RULES:
        if subjects := rule.detect(facts):
            yield Risk(rule.name, rule.level, rule.text, tuple(sorted(set(subjects), key=natural_key)))
