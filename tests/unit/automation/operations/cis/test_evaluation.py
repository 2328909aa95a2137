"""Tests of the results of hosts: as delivered, and with a changed setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from automation.operations.cis.evaluation import inapplicable_sections, judge_host
from automation.operations.cis.facts import KUBERNETES_CA, CisFacts, FileFact
from automation.operations.cis.judges import Outcome, Verdict, matching_files
from automation.operations.cis.table import DEFAULT_WARNINGS, checks
from testkit.bundles import cluster
from tests.unit.automation.operations.cis.conftest import API, delivered_facts, with_flag
from topology.model import Role, Topology

KEY = "/etc/kubernetes/pki/apiserver.key"


def results(topology: Topology, hosts: Mapping[str, CisFacts], host: str) -> dict[str, Verdict]:
    """Return the verdicts on a host by the ids of the checks."""
    (roles,) = (machine.roles for machine in topology.machines if machine.name == host)
    return {result.check.id: result.verdict for result in judge_host(host, roles, hosts[host], hosts)}


def with_outcome(verdicts: Mapping[str, Verdict], outcome: Outcome) -> set[str]:
    return {id for id, verdict in verdicts.items() if verdict.outcome is outcome}


@pytest.mark.parametrize("etcd", [1, 3], ids=["stacked etcd", "dedicated etcd"])
def test_hosts_as_delivered_have_no_failure(etcd: int) -> None:
    topology = cluster(etcd=etcd)
    hosts = delivered_facts(topology)
    for host in hosts:
        verdicts = results(topology, hosts, host)
        failed = with_outcome(verdicts, Outcome.FAIL)
        assert not failed, {id: verdicts[id].detail for id in failed}


def test_warnings_of_hosts_as_delivered_are_known(topology: Topology, hosts: dict[str, CisFacts]) -> None:
    warnings = {id for id in DEFAULT_WARNINGS if not id.startswith("5.")}
    assert with_outcome(results(topology, hosts, "cp-1"), Outcome.WARN) == warnings
    assert with_outcome(results(topology, hosts, "w-1"), Outcome.WARN) == {"4.2.7"}
    assert with_outcome(results(topology, hosts, "e-0"), Outcome.WARN) == set()


def test_every_warning_has_a_reason(topology: Topology, hosts: dict[str, CisFacts]) -> None:
    verdicts = results(topology, hosts, "cp-1")
    assert all(verdicts[id].detail for id in with_outcome(verdicts, Outcome.WARN))


def test_checks_of_other_roles_do_not_apply(topology: Topology, hosts: dict[str, CisFacts]) -> None:
    worker = results(topology, hosts, "w-1")
    assert worker["1.2.6"] == Verdict(Outcome.NOT_APPLICABLE, "this host is no control plane")
    assert worker["2.1"] == Verdict(Outcome.NOT_APPLICABLE, "this host is no etcd member")
    assert worker["1.1.9"].outcome is Outcome.PASS
    assert results(topology, hosts, "e-0")["4.2.1"].detail == "this host is no node"
    skipped = [section.section for section, _ in inapplicable_sections((Role.NODE,))]
    assert skipped == ["1.2", "1.3", "1.4", "2", "3.1", "3.2"]


def with_file(facts: CisFacts, path: str, **change: Any) -> CisFacts:  # noqa: ANN401
    files = tuple(replace(file, **change) if file.path == path else file for file in facts.files)
    assert files != facts.files
    return replace(facts, files=files)


def with_configuration(facts: CisFacts, path: str, **keys: object) -> CisFacts:
    return replace(
        facts, configurations={**facts.configurations, path: {**facts.configurations[path], **keys}}
    )


BROKEN: dict[str, tuple[str, Callable[[CisFacts], CisFacts]]] = {
    "1.1.11": ("e-0", lambda facts: with_file(facts, "/var/lib/etcd", mode=0o755)),
    "1.1.12": ("e-0", lambda facts: with_file(facts, "/var/lib/etcd", owner="root:root")),
    "1.1.13": ("cp-1", lambda facts: with_file(facts, "/etc/kubernetes/admin.conf", mode=0o640)),
    "1.1.19": (
        "cp-1",
        lambda facts: with_file(facts, KEY, owner="root:kube"),
    ),
    "1.1.21": ("cp-1", lambda facts: with_file(facts, KEY, mode=0o604)),
    "1.1.9": ("w-1", lambda facts: with_file(facts, "/var/lib/cni/networks/kubewright/lock", mode=0o750)),
    "1.2.2": ("cp-1", lambda facts: with_flag(facts, API, token_auth_file="/tokens")),
    "1.2.4": ("cp-1", lambda facts: with_flag(facts, API, kubelet_client_key=None)),
    "1.2.6": ("cp-1", lambda facts: with_flag(facts, API, authorization_mode="AlwaysAllow")),
    "1.2.7": ("cp-1", lambda facts: with_flag(facts, API, authorization_mode="RBAC")),
    "1.2.8": ("cp-1", lambda facts: with_flag(facts, API, authorization_mode="Node")),
    "1.2.10": (
        "cp-1",
        lambda facts: with_flag(facts, API, enable_admission_plugins="X,AlwaysAdmit"),
    ),
    "1.2.17": ("cp-1", lambda facts: with_flag(facts, API, audit_log_maxage="7")),
    "1.2.21": ("cp-1", lambda facts: with_flag(facts, API, service_account_lookup="false")),
    "1.2.28": ("cp-1", lambda facts: replace(facts, providers=(("identity", "secretbox"),))),
    "1.2.29": (
        "cp-1",
        lambda facts: with_flag(facts, API, tls_cipher_suites="TLS_RSA_WITH_AES_128_CBC_SHA"),
    ),
    "1.3.7": ("cp-1", lambda facts: with_flag(facts, "kube-controller-manager", bind_address="0.0.0.0")),
    "1.4.1": ("cp-1", lambda facts: with_flag(facts, "kube-scheduler", profiling=None)),
    "2.2": ("e-0", lambda facts: with_flag(facts, "etcd", client_cert_auth="false")),
    "2.3": ("e-0", lambda facts: with_flag(facts, "etcd", auto_tls="true")),
    "2.7": (
        "e-0",
        lambda facts: replace(facts, digests=dict.fromkeys(facts.digests, KUBERNETES_CA)),
    ),
    "3.2.2": (
        "cp-1",
        lambda facts: with_configuration(
            facts, "/etc/kubernetes/audit-policy.json", rules=[{"level": "RequestResponse"}]
        ),
    ),
    "4.1.5": ("w-1", lambda facts: with_file(facts, "/var/lib/kubelet/kubeconfig", mode=0o644)),
    "4.2.1": (
        "w-1",
        lambda facts: with_configuration(
            facts, "/etc/kubernetes/kubelet.json", authentication={"anonymous": {"enabled": True}}
        ),
    ),
    "4.2.4": ("w-1", lambda facts: with_flag(facts, "kubelet", read_only_port="10255")),
    "4.2.5": (
        "w-1",
        lambda facts: with_configuration(
            facts, "/etc/kubernetes/kubelet.json", streamingConnectionIdleTimeout="0s"
        ),
    ),
    "4.2.9": (
        "w-1",
        lambda facts: with_configuration(facts, "/etc/kubernetes/kubelet.json", serverTLSBootstrap=False),
    ),
    "4.2.12": (
        "w-1",
        lambda facts: with_configuration(
            facts, "/etc/kubernetes/kubelet.json", tlsCipherSuites=["TLS_RSA_WITH_AES_128_CBC_SHA"]
        ),
    ),
    "4.2.13": (
        "w-1",
        lambda facts: with_configuration(facts, "/etc/kubernetes/kubelet.json", podPidsLimit=-1),
    ),
    "4.3.1": (
        "w-1",
        lambda facts: with_configuration(
            facts, "/etc/kubernetes/kube-proxy.json", metricsBindAddress="0.0.0.0:10249"
        ),
    ),
}
"""A change of a host for checks of each kind, by the id of the check that must fail."""


@pytest.mark.parametrize("check", BROKEN)
def test_broken_setting_fails_its_check(check: str, topology: Topology, hosts: dict[str, CisFacts]) -> None:
    host, breaking = BROKEN[check]
    before = with_outcome(results(topology, hosts, host), Outcome.FAIL)
    assert check not in before
    after = results(topology, {**hosts, host: breaking(hosts[host])}, host)
    assert after[check].outcome is Outcome.FAIL
    assert after[check].detail


def test_stopped_service_fails_all_its_checks(topology: Topology, hosts: dict[str, CisFacts]) -> None:
    stopped = replace(hosts["cp-1"], flags={})
    verdicts = results(topology, {**hosts, "cp-1": stopped}, "cp-1")
    of_processes = {
        check.id for check in checks() if check.process and not check.manual and check.section != "2"
    } - {"1.2.28"}
    warned = {check.id for check in checks() if check.warn} - {"1.2.1"}
    assert with_outcome(verdicts, Outcome.FAIL) == of_processes - warned
    assert "kube-apiserver does not run" in verdicts["1.2.9"].detail


def test_missing_file_fails(topology: Topology, hosts: dict[str, CisFacts]) -> None:
    files = tuple(file for file in hosts["cp-1"].files if file.path != "/etc/kubernetes/admin.conf")
    verdict = results(topology, {**hosts, "cp-1": replace(hosts["cp-1"], files=files)}, "cp-1")["1.1.13"]
    assert verdict == Verdict(Outcome.FAIL, "/etc/kubernetes/admin.conf does not exist")


def test_file_in_a_deeper_directory_does_not_match() -> None:
    files = [
        FileFact("/etc/kubernetes/pki/a.key", 0o600, ""),
        FileFact("/etc/kubernetes/pki/x/a.key", 0o600, ""),
    ]
    assert [file.path for file in matching_files("/etc/kubernetes/pki/*.key", files)] == [files[0].path]


def test_anonymous_requests_to_other_paths_fail(topology: Topology, hosts: dict[str, CisFacts]) -> None:
    path = "/etc/kubernetes/authentication.json"
    assert results(topology, hosts, "cp-1")["1.2.1"].outcome is Outcome.WARN
    for anonymous in ({"enabled": True}, {"enabled": True, "conditions": [{"path": "/metrics"}]}):
        changed = with_configuration(hosts["cp-1"], path, anonymous=anonymous)
        assert results(topology, {**hosts, "cp-1": changed}, "cp-1")["1.2.1"].outcome is Outcome.FAIL
    refused = with_configuration(hosts["cp-1"], path, anonymous={"enabled": False})
    assert results(topology, {**hosts, "cp-1": refused}, "cp-1")["1.2.1"].outcome is Outcome.PASS


def test_authorization_by_configuration_file_counts(topology: Topology, hosts: dict[str, CisFacts]) -> None:
    path = "/etc/kubernetes/authorization.json"
    facts = with_flag(hosts["cp-1"], API, authorization_mode=None, authorization_config=path)
    for types, failed in (
        (["Node", "RBAC"], set()),
        (["RBAC"], {"1.2.7"}),
        ([], {"1.2.6", "1.2.7", "1.2.8"}),
    ):
        content = {"authorizers": [{"type": type} for type in types]}
        changed = replace(facts, configurations={**facts.configurations, path: content})
        verdicts = results(topology, {**hosts, "cp-1": changed}, "cp-1")
        assert with_outcome(verdicts, Outcome.FAIL) == failed
