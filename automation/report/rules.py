"""What makes a change risky: one table. What each rule looks for is in `signs.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from automation.report import detectors
from automation.report.detectors import Facts
from automation.report.hosts import natural
from automation.report.model import Level, Risk


@dataclass(frozen=True, slots=True)
class Rule:
    """`looks` gives what the rule holds for (hosts, resources, `from -> to`); nothing: it does not hold."""

    name: str
    level: Level
    text: str
    looks: Callable[[Facts], list[str]]


_HIGH, _MEDIUM, _LOW = Level.HIGH, Level.MEDIUM, Level.LOW

RULES: tuple[Rule, ...] = (
    Rule("etcd-data", _HIGH, "deletes or replaces a machine that has data of etcd", detectors.etcd_data),
    Rule(
        "quorum",
        _HIGH,
        "takes away more members of etcd at once than its quorum can spare",
        detectors.quorum,
    ),
    Rule("volume", _HIGH, "deletes or replaces a volume or a store, with what is in it", detectors.volumes),
    Rule(
        "authority",
        _HIGH,
        "deletes or replaces a certificate authority, its key, or that of service accounts",
        detectors.authorities,
    ),
    Rule("encryption-key", _HIGH, "replaces the key that Secrets are encrypted with", detectors.encryption),
    Rule("namespace", _HIGH, "deletes a namespace, with everything in it", detectors.namespaces),
    Rule("open-to-world", _HIGH, "opens a port to the whole world", detectors.open_to_world),
    Rule("api-entrance", _HIGH, "deletes or replaces what the API is reached by", detectors.entrance),
    Rule("control-plane-gone", _HIGH, "takes a control plane away", detectors.control_planes_gone),
    Rule(
        "max-unavailable",
        _HIGH,
        "takes away more of a pool at once than max_unavailable",
        detectors.unavailable,
    ),
    Rule("minor-version", _MEDIUM, "jumps a minor version", detectors.minor_versions),
    Rule(
        "new-authority",
        _MEDIUM,
        "brings in a certificate authority, or moves to it",
        detectors.new_authorities,
    ),
    Rule(
        "members-roll",
        _MEDIUM,
        "replaces members' machines one by one; their volumes stay",
        detectors.rolling,
    ),
    Rule("pool-shrinks", _MEDIUM, "makes a pool smaller", detectors.shrinking),
    Rule("pool-gone", _MEDIUM, "takes a pool away", detectors.pools_gone),
    Rule("only-member", _MEDIUM, "changes the only control plane: the API may pause", detectors.only_member),
    Rule(
        "much-at-once",
        _MEDIUM,
        "changes every node of a pool, half of them or more at a time",
        detectors.much_at_once,
    ),
    Rule("every-node", _LOW, "changes every node of a pool, max_unavailable at a time", detectors.every_node),
)


def risks(facts: Facts) -> Iterator[Risk]:
    """The rules that hold, the heaviest first as they stand in the table."""
    for rule in RULES:
        if found := rule.looks(facts):
            yield Risk(rule.name, rule.level, rule.text, tuple(sorted(set(found), key=natural)))
