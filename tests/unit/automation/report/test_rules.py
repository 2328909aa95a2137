"""Every rule of the table: what it holds for, and what it does not."""

from __future__ import annotations

import pytest
from testkit.clouds import cloud

from automation.report.build import of_events
from automation.report.rules import RULES
from automation.stacks.events import Step
from tests.unit.automation.report.steps import cluster, host, report, rules, step

CA = "tls:index/selfSignedCert:SelfSignedCert"
KEY = "tls:index/privateKey:PrivateKey"
LOCAL = "command:local:Command"
GROUP = "aws:autoscaling/group:Group"
SECURITY = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
AZURE = "azure-native:network:NetworkSecurityGroup"


def sg(cidr: str, operation: str = "create") -> Step:
    new = {"cidrIpv4": cidr, "ipProtocol": "tcp", "fromPort": 6443, "toPort": 6443}
    return step(operation, SECURITY, "api", new=new)


def nsg(source: str, direction: str = "Inbound") -> Step:
    rule = {
        "direction": direction,
        "access": "Allow",
        "sourceAddressPrefix": source,
        "protocol": "Tcp",
        "destinationPortRange": "22",
    }
    return step("update", AZURE, "nodes", old={"securityRules": []}, new={"securityRules": [rule]})


FIREWALL = '    tcp dport 30000-32767 accept comment "NodePort"\n'
CLOSED = '    ip saddr 10.0.0.0/8 tcp dport 30000-32767 accept comment "NodePort"\n'
OLD, NEW = "version kubernetes 1.35.6\n", "version kubernetes 1.36.3\n"
HOLDS: dict[str, list[list[Step]]] = {
    "etcd-data": [[host("delete", "cp-2", "etcd")], [host("replace", "cp-2", "etcd")]],
    "quorum": [[host("delete", "cp-2", "etcd"), host("replace", "cp-3", "etcd")]],
    "volume": [
        [step("delete", "aws:ebs/volume:Volume", "cp-1-data")],
        [step("replace", "azure-native:compute:Disk", "cp-1-data")],
        [step("delete", "aws:kms/key:Key", "store")],
        [step("delete", "kubernetes:core/v1:PersistentVolumeClaim", "data")],
    ],
    "authority": [
        [step("replace", KEY, "cluster-pki-service-account-key", "pki")],
        [step("replace", CA, "cluster-pki-kubernetes-ca", "pki")],
        [step("delete", KEY, "cluster-pki-etcd-ca-2-key", "pki")],
    ],
    "encryption-key": [[step("replace", KEY, "cluster-pki-encryption", "pki")]],
    "namespace": [[step("delete", "kubernetes:core/v1:Namespace", "team")]],
    "open-to-world": [
        [sg("0.0.0.0/0")],
        [nsg("*")],
        [nsg("0.0.0.0/1")],
        [sg("128.0.0.0/1")],
        [
            host(
                "update",
                "w-1",
                "node",
                "workers",
                FIREWALL,
                FIREWALL + "    ip saddr 0.0.0.0/1 tcp dport 22 accept\n",
            )
        ],
        [nsg("Internet")],
        [host("update", "w-1", "node", "workers", CLOSED, FIREWALL)],
    ],
    "api-entrance": [
        [step("replace", "aws:lb/loadBalancer:LoadBalancer", "api")],
        [host("delete", "lb-1", "load-balancer")],
    ],
    "control-plane-gone": [[host("delete", "cp-3", "control-plane"), host("delete", "cp-3", "etcd")]],
    "max-unavailable": [
        [host("delete", "w-1", "node", "workers"), host("replace", "w-2", "node", "workers")]
    ],
    "minor-version": [[host("update", "cp-1", "control-plane", "", OLD, NEW)]],
    "new-authority": [
        [step("create", CA, "cluster-pki-kubernetes-ca-2", "pki")],
        [host("update", "w-1", "node", "workers", "version kubernetes 1.36.3\n", "trust kubernetes 2 1 2\n")],
    ],
    "members-roll": [[step("update", LOCAL, "cp-1-roll", old={"update": "a"}, new={"update": "b"})]],
    "pool-shrinks": [
        [host("delete", "w-3", "node", "workers")],
        [step("update", GROUP, "workers", old={"minSize": 5}, new={"minSize": 3})],
    ],
    "pool-gone": [[host("delete", f"w-{i}", "node", "workers") for i in (1, 2, 3)]],
    "every-node": [[host("update", f"w-{i}", "node", "workers") for i in (1, 2, 3)]],
}
HARMLESS: dict[str, list[list[Step]]] = {
    "etcd-data": [[host("update", "cp-2", "etcd")], [host("delete", "w-1", "node", "workers")]],
    "quorum": [[host("delete", "cp-2", "etcd")], [host("update", f"cp-{i}", "etcd") for i in (1, 2, 3)]],
    "volume": [
        [step("create", "aws:ebs/volume:Volume", "new")],
        [step("update", "aws:ebs/volume:Volume", "v")],
    ],
    "authority": [
        [step("create", CA, "cluster-pki-kubernetes-ca-2", "pki")],
        [step("replace", CA, "cluster-pki-apiserver-cp-1", "pki")],
    ],
    "encryption-key": [[step("replace", KEY, "cluster-pki-admin-key", "pki")]],
    "namespace": [[step("create", "kubernetes:core/v1:Namespace", "team")]],
    "open-to-world": [
        [sg("192.0.2.0/24")],
        [nsg("10.0.0.0/8")],
        [nsg("*", "Outbound")],
        [host("update", "w-1", "node", "workers", FIREWALL, FIREWALL + CLOSED)],
    ],
    "api-entrance": [[step("update", "aws:lb/loadBalancer:LoadBalancer", "api")]],
    "control-plane-gone": [[host("update", "cp-3", "control-plane")]],
    "max-unavailable": [
        [host("delete", "w-1", "node", "workers")],
        [host("update", "w-1", "node", "workers"), host("update", "w-2", "node", "workers")],
    ],
    "minor-version": [
        [host("update", "cp-1", "control-plane", "", "version kubernetes 1.36.1\n", NEW)],
        [host("create", "w-4", "node", "workers", "", NEW)],
    ],
    "new-authority": [[host("update", "w-1", "node", "workers", "trust etcd 2 2\n", "trust etcd 2 2\nx\n")]],
    "members-roll": [[step("update", LOCAL, "cp-1-roll", old={"delete": "a"}, new={"delete": "b"})]],
    "pool-shrinks": [
        [host("create", "w-4", "node", "workers")],
        [step("update", GROUP, "workers", old={"minSize": 3}, new={"minSize": 5})],
    ],
    "pool-gone": [[host("delete", "w-1", "node", "workers")]],
    "every-node": [[host("update", f"w-{i}", "node", "workers") for i in (1, 2)]],
    "much-at-once": [[host("update", f"w-{i}", "node", "workers") for i in (1, 2, 3)]],
    "only-member": [[host("update", "cp-1", "control-plane")]],
}


def test_every_rule_is_tried() -> None:
    names = {rule.name for rule in RULES}
    assert len(names) == len(RULES)
    assert names == HOLDS.keys() | {"only-member", "much-at-once"} == HARMLESS.keys()


@pytest.mark.parametrize(("rule", "steps"), [(name, each) for name, them in HOLDS.items() for each in them])
def test_it_holds(rule: str, steps: list[Step]) -> None:
    found = rules(*steps)
    assert rule in found
    assert all(found[rule])


@pytest.mark.parametrize(
    ("rule", "steps"), [(name, each) for name, them in HARMLESS.items() for each in them]
)
def test_it_does_not_hold(rule: str, steps: list[Step]) -> None:
    assert rule not in rules(*steps)


@pytest.mark.parametrize(("limit", "holds"), [(1, False), (2, True)])
def test_a_higher_max_unavailable_hides_nothing(limit: int, holds: bool) -> None:
    """A change may raise it and use it at once."""
    described = cloud(**{"pools.general.max_unavailable": limit})
    changed = [host("update", f"g-{i}", "node", "general") for i in (1, 2, 3)]
    found = {risk.rule: risk.subjects for risk in of_events("x", cluster(*changed), described).risks}
    assert ("much-at-once" in found) is holds
    if holds:
        assert found["much-at-once"] == ("general: 2 of 3 nodes at a time",)


def test_the_only_control_plane() -> None:
    assert rules(host("update", "cp-1", "etcd"), planes=1)["only-member"] == ("cp-1",)
    assert "only-member" not in rules(host("update", "w-1", "node", "workers"), planes=1)


def test_a_cluster_that_is_only_made_has_nothing_to_lose() -> None:
    made = [host("create", "cp-1", "etcd"), step("create", CA, "cluster-pki-kubernetes-ca", "pki")]
    assert of_events("x", made).risks == ()
    assert [risk.rule for risk in of_events("x", [*made, sg("0.0.0.0/0")]).risks] == ["open-to-world"]


def test_what_the_members_can_spare() -> None:
    two = [host("delete", "cp-4", "etcd"), host("delete", "cp-5", "etcd")]
    assert "quorum" not in rules(*two, planes=5)
    assert rules(*two, host("replace", "cp-1", "etcd"), planes=5)["quorum"] == ("3 of 5: cp-1, cp-4, cp-5",)


def test_the_heaviest_risk_is_the_reports() -> None:
    found = report(
        host("delete", "cp-2", "etcd"), *[host("update", f"w-{i}", "node", "workers") for i in (1, 2, 3)]
    )
    assert found.level is not None
    assert found.level.value == "high"
    assert [risk.level.weight for risk in found.risks] == sorted(
        (risk.level.weight for risk in found.risks), reverse=True
    )
    assert of_events("x", cluster()).level is None
