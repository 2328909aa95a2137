"""Tests that each risk rule applies to dangerous changes and not to similar harmless changes."""

from __future__ import annotations

import pytest

from automation.report.build import report_from_events
from automation.report.rules import RULES
from automation.stacks.events import Step
from testkit.clouds import cloud
from tests.unit.automation.report.make_steps import cluster, host, report, risks, step

CA = "tls:index/selfSignedCert:SelfSignedCert"
KEY = "tls:index/privateKey:PrivateKey"
LOCAL = "command:local:Command"
GROUP = "aws:autoscaling/group:Group"
AWS_INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
AZURE_SECURITY_GROUP = "azure-native:network:NetworkSecurityGroup"


def aws_rule(cidr: str, operation: str = "create") -> Step:
    new = {"cidrIpv4": cidr, "ipProtocol": "tcp", "fromPort": 6443, "toPort": 6443}
    return step(operation, AWS_INGRESS_RULE, "api", new=new)


def azure_rule(source: str, direction: str = "Inbound") -> Step:
    rule = {
        "direction": direction,
        "access": "Allow",
        "sourceAddressPrefix": source,
        "protocol": "Tcp",
        "destinationPortRange": "22",
    }
    return step(
        "update", AZURE_SECURITY_GROUP, "nodes", old={"securityRules": []}, new={"securityRules": [rule]}
    )


FIREWALL = '    tcp dport 30000-32767 accept comment "NodePort"\n'
CLOSED = '    ip saddr 10.0.0.0/8 tcp dport 30000-32767 accept comment "NodePort"\n'


def api_unit(*issuers: str) -> str:
    """Return the delivery of an API server with these issuers of service account tokens."""
    flags = "".join(f"  --service-account-issuer=https://{issuer} \\\n" for issuer in issuers)
    content = f"ExecStart=kube-apiserver \\\n{flags}  --v=1\n"
    return f"file 0600 root:root /etc/systemd/system/kube-apiserver.service <<'EOF'\n{content}EOF\n"


FLAGS = "[Unit]\n# Flags without checks, from api.extra_args: v\n"
OLD, NEW = "version kubernetes 1.35.6\n", "version kubernetes 1.36.3\n"
DANGEROUS: dict[str, list[list[Step]]] = {
    "etcd-data": [[host("delete", "cp-2", "etcd")], [host("replace", "cp-2", "etcd")]],
    "quorum": [[host("delete", "cp-2", "etcd"), host("replace", "cp-3", "etcd")]],
    "data": [
        [step("delete", "aws:ebs/volume:Volume", "cp-1-data")],
        [step("replace", "azure-native:compute:Disk", "cp-1-data")],
        [step("delete", "aws:kms/key:Key", "store")],
        [step("replace", "aws:efs/fileSystem:FileSystem", "aws-files-file-system")],
        [step("delete", "kubernetes:core/v1:PersistentVolumeClaim", "data")],
    ],
    "extra-args": [
        [host("update", "cp-1", "control-plane", "cp", "[Unit]\n", FLAGS)],
        [host("update", "cp-1", "control-plane", "cp", FLAGS, FLAGS.replace(": v", ": v, feature-gates"))],
    ],
    "token-issuer": [
        [host("update", "cp-1", "control-plane", "cp", api_unit("a"), api_unit("b"))],
        [host("update", "cp-1", "control-plane", "cp", api_unit("a", "b"), api_unit("a"))],
        [host("update", "cp-1", "control-plane", "cp", api_unit("a"), api_unit("b", "a"))],
    ],
    "authority": [
        [step("replace", KEY, "cluster-pki-service-account-key", "pki")],
        [step("replace", CA, "cluster-pki-kubernetes-ca", "pki")],
        [step("delete", KEY, "cluster-pki-etcd-ca-2-key", "pki")],
    ],
    "encryption-key": [
        [step("replace", KEY, "cluster-pki-encryption", "pki")],
        [step("delete", KEY, "cluster-pki-encryption-2-key", "pki")],
    ],
    "namespace": [[step("delete", "kubernetes:core/v1:Namespace", "team")]],
    "public-port": [
        [aws_rule("0.0.0.0/0")],
        [azure_rule("*")],
        [azure_rule("0.0.0.0/1")],
        [aws_rule("128.0.0.0/1")],
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
        [azure_rule("Internet")],
        [host("update", "w-1", "node", "workers", CLOSED, FIREWALL)],
    ],
    "endpoint": [
        [step("replace", "aws:lb/loadBalancer:LoadBalancer", "api")],
        [host("delete", "lb-1", "load-balancer")],
    ],
    "control-plane-removed": [[host("delete", "cp-3", "control-plane"), host("delete", "cp-3", "etcd")]],
    "max-unavailable": [
        [host("delete", "w-1", "node", "workers"), host("replace", "w-2", "node", "workers")]
    ],
    "minor-version": [[host("update", "cp-1", "control-plane", "", OLD, NEW)]],
    "encryption": [
        [host("update", "cp-1", "control-plane", "", "x\n", "trust encryption 1 1 2\n")],
        [host("update", "cp-1", "control-plane", "", "trust encryption-kms-vault 1 1 2\n", "x\n")],
    ],
    "new-authority": [
        [step("create", CA, "cluster-pki-kubernetes-ca-2", "pki")],
        [host("update", "w-1", "node", "workers", "version kubernetes 1.36.3\n", "trust kubernetes 2 1 2\n")],
    ],
    "members-replaced": [[step("update", LOCAL, "cp-1-roll", old={"update": "a"}, new={"update": "b"})]],
    "pool-smaller": [
        [host("delete", "w-3", "node", "workers")],
        [step("update", GROUP, "workers", old={"minSize": 5}, new={"minSize": 3})],
    ],
    "pool-removed": [[host("delete", f"w-{i}", "node", "workers") for i in (1, 2, 3)]],
    "every-node": [[host("update", f"w-{i}", "node", "workers") for i in (1, 2, 3)]],
}
HARMLESS: dict[str, list[list[Step]]] = {
    "etcd-data": [[host("update", "cp-2", "etcd")], [host("delete", "w-1", "node", "workers")]],
    "quorum": [[host("delete", "cp-2", "etcd")], [host("update", f"cp-{i}", "etcd") for i in (1, 2, 3)]],
    "data": [
        [step("create", "aws:ebs/volume:Volume", "new")],
        [step("update", "aws:ebs/volume:Volume", "v")],
    ],
    "extra-args": [
        [host("update", "cp-1", "control-plane", "cp", FLAGS, FLAGS + "Description=x\n")],
        [host("update", "cp-1", "control-plane", "cp", FLAGS, "[Unit]\n")],
    ],
    "token-issuer": [
        [host("update", "cp-1", "control-plane", "cp", api_unit("a"), api_unit("a", "b"))],
        [host("update", "cp-1", "control-plane", "cp", api_unit("a", "b"), api_unit("b", "a"))],
        [host("update", "cp-1", "control-plane", "cp", "", api_unit("a"))],
    ],
    "authority": [
        [step("create", CA, "cluster-pki-kubernetes-ca-2", "pki")],
        [step("replace", CA, "cluster-pki-apiserver-cp-1", "pki")],
    ],
    "encryption-key": [[step("replace", KEY, "cluster-pki-admin-key", "pki")]],
    "namespace": [[step("create", "kubernetes:core/v1:Namespace", "team")]],
    "public-port": [
        [aws_rule("192.0.2.0/24")],
        [azure_rule("10.0.0.0/8")],
        [azure_rule("*", "Outbound")],
        [host("update", "w-1", "node", "workers", FIREWALL, FIREWALL + CLOSED)],
    ],
    "endpoint": [[step("update", "aws:lb/loadBalancer:LoadBalancer", "api")]],
    "control-plane-removed": [[host("update", "cp-3", "control-plane")]],
    "max-unavailable": [
        [host("delete", "w-1", "node", "workers")],
        [host("update", "w-1", "node", "workers"), host("update", "w-2", "node", "workers")],
    ],
    "minor-version": [
        [host("update", "cp-1", "control-plane", "", "version kubernetes 1.36.1\n", NEW)],
        [host("create", "w-4", "node", "workers", "", NEW)],
    ],
    "encryption": [
        [host("create", "cp-4", "control-plane", "", "", "trust encryption 1 1 2\n")],
        [host("update", "cp-1", "control-plane", "", "trust etcd 1 1\n", "trust etcd 1 1 2\n")],
    ],
    "new-authority": [[host("update", "w-1", "node", "workers", "trust etcd 2 2\n", "trust etcd 2 2\nx\n")]],
    "members-replaced": [[step("update", LOCAL, "cp-1-roll", old={"delete": "a"}, new={"delete": "b"})]],
    "pool-smaller": [
        [host("create", "w-4", "node", "workers")],
        [step("update", GROUP, "workers", old={"minSize": 3}, new={"minSize": 5})],
    ],
    "pool-removed": [[host("delete", "w-1", "node", "workers")]],
    "every-node": [[host("update", f"w-{i}", "node", "workers") for i in (1, 2)]],
    "many-nodes-at-once": [[host("update", f"w-{i}", "node", "workers") for i in (1, 2, 3)]],
    "only-control-plane": [[host("update", "cp-1", "control-plane")]],
}


def test_every_rule_has_examples() -> None:
    names = {rule.name for rule in RULES}
    assert len(names) == len(RULES)
    assert names == DANGEROUS.keys() | {"only-control-plane", "many-nodes-at-once"} == HARMLESS.keys()


@pytest.mark.parametrize(
    ("rule", "steps"), [(name, each) for name, changes in DANGEROUS.items() for each in changes]
)
def test_the_rule_applies_to_a_dangerous_change(rule: str, steps: list[Step]) -> None:
    subjects_by_rule = risks(*steps)
    assert rule in subjects_by_rule
    assert all(subjects_by_rule[rule])


@pytest.mark.parametrize(
    ("rule", "steps"), [(name, each) for name, changes in HARMLESS.items() for each in changes]
)
def test_the_rule_does_not_apply_to_a_harmless_change(rule: str, steps: list[Step]) -> None:
    assert rule not in risks(*steps)


@pytest.mark.parametrize(("limit", "applies"), [(1, False), (2, True)])
def test_a_higher_max_unavailable_is_used_for_the_risk(limit: int, applies: bool) -> None:
    """The change raises `max_unavailable` of a pool and changes all of its nodes: the new limit applies."""
    topology = cloud(**{"pools.general.max_unavailable": limit})
    changed = [host("update", f"g-{i}", "node", "general") for i in (1, 2, 3)]
    subjects_by_rule = {
        risk.rule: risk.subjects for risk in report_from_events("x", cluster(*changed), topology).risks
    }
    assert ("many-nodes-at-once" in subjects_by_rule) is applies
    if applies:
        assert subjects_by_rule["many-nodes-at-once"] == ("general: 2 of 3 nodes at a time",)


def test_a_change_of_the_only_control_plane_is_a_risk() -> None:
    assert risks(host("update", "cp-1", "etcd"), planes=1)["only-control-plane"] == ("cp-1",)
    assert "only-control-plane" not in risks(host("update", "w-1", "node", "workers"), planes=1)


def test_a_new_cluster_has_only_the_risk_of_public_ports() -> None:
    created = [host("create", "cp-1", "etcd"), step("create", CA, "cluster-pki-kubernetes-ca", "pki")]
    assert report_from_events("x", created).risks == ()
    assert [risk.rule for risk in report_from_events("x", [*created, aws_rule("0.0.0.0/0")]).risks] == [
        "public-port"
    ]


def test_the_quorum_risk_counts_lost_members() -> None:
    two = [host("delete", "cp-4", "etcd"), host("delete", "cp-5", "etcd")]
    assert "quorum" not in risks(*two, planes=5)
    assert risks(*two, host("replace", "cp-1", "etcd"), planes=5)["quorum"] == ("3 of 5: cp-1, cp-4, cp-5",)


def test_the_report_has_the_level_of_the_most_severe_risk() -> None:
    built_report = report(
        host("delete", "cp-2", "etcd"), *[host("update", f"w-{i}", "node", "workers") for i in (1, 2, 3)]
    )
    assert built_report.level is not None
    assert built_report.level.value == "high"
    assert [risk.level.weight for risk in built_report.risks] == sorted(
        (risk.level.weight for risk in built_report.risks), reverse=True
    )
    assert report_from_events("x", cluster()).level is None
