"""Tests of functions for Azure: names, parts of pools, rules of the store, limits."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.azure import limits
from providers.azure.addons import autoscaler_values, cloud_config, storage_class_parameters
from providers.azure.firewall import (
    FIRST_PRIORITY,
    FIRST_SETTING_PRIORITY,
    LAST_PRIORITY,
    row_priority,
    rules_by_group,
)
from providers.azure.names import Names, container_name, status_container_name
from providers.azure.network import NetworkReference
from providers.azure.pools import autoscaler_tags, batch_percent, termination_notice_minutes
from providers.azure.store import ip_rules
from providers.cloud.zones import zone_parts
from tests.unit.components.graph import Json
from tests.unit.providers.azure.program import example_settings
from tests.unit.providers.program import ConfigEdit, section
from topology.model import Capacity
from topology.ports import PORT_TABLE
from topology.taints import Taint, TaintEffect

NAMES = Names(cluster="dev", subscription="00000000-0000-0000-0000-000000000000", location="westeurope")


def capacity(minimum: int, maximum: int) -> Capacity:
    types = ("Standard_D2s_v5",)
    return Capacity(minimum, maximum, types=types, spot=False, disk=1, architecture="amd64")


class TestNames:
    def test_resource_ids(self) -> None:
        id = NAMES.id("Microsoft.Network/virtualNetworks/subnets", "dev", "pools")
        assert id.endswith(
            "/resourceGroups/kubewright-dev/providers/Microsoft.Network/virtualNetworks/dev/subnets/pools"
        )

    def test_the_name_of_the_account_is_valid_and_unique(self) -> None:
        other = Names(cluster="dev", subscription=NAMES.subscription, location="eastus")
        assert NAMES.storage_account != other.storage_account
        assert len(NAMES.storage_account) == 24
        assert NAMES.storage_account.isalnum()
        assert NAMES.storage_account.islower()

    def test_each_kind_and_pool_has_its_own_containers(self) -> None:
        units = [("members/control-plane", "cp-1"), ("members/etcd", "e-1"), ("pools", "a"), ("pools", "b")]
        container_names = [
            name
            for kind, unit in units
            for name in (container_name(kind, unit), status_container_name(kind, unit))
        ]
        assert len(set(container_names)) == 8
        assert container_name("members/control-plane", "cp-2") == "control-plane"

    def test_tags_of_dns_zones_have_names_that_azure_keeps(self) -> None:
        names = replace(NAMES, tags={"cost center (EU)": "a b", "2nd": "x", "owner": "p"})
        assert names.dns_tags() == {
            "cost-center-EU-": "a b",
            "x-2nd": "x",
            "owner": "p",
            "kubewright-cluster": "dev",
        }


class TestPools:
    @given(st.integers(0, 3000), st.integers(1, 3000), st.integers(1, 3))
    def test_parts_of_a_pool_are_even_and_complete(self, minimum: int, maximum: int, zones: int) -> None:
        minimum = min(minimum, maximum)
        parts = zone_parts(capacity(minimum, maximum), zones)
        assert sum(part.max_size for part in parts) == maximum
        assert sum(part.min_size for part in parts) == minimum
        assert max(part.max_size for part in parts) - min(part.max_size for part in parts) <= 1
        assert all(part.min_size <= part.max_size for part in parts)

    def test_batches_and_notices_are_within_the_limits_of_azure(self) -> None:
        (part,) = zone_parts(capacity(0, 100), 1)
        assert batch_percent(1, part) == 5
        assert batch_percent(50, part) == 50
        assert batch_percent(500, part) == 100
        assert [termination_notice_minutes(seconds) for seconds in (0, 300, 3600)] == [5, 7, 15]

    def test_autoscaler_reads_the_keys_of_labels_and_taints_from_tags(self) -> None:
        taint = Taint(key="example.com/gpu_type", value="a", effect=TaintEffect.NO_SCHEDULE)
        (example, *_) = [pool for pool in example_settings()[2].pools if pool.capacity]
        pool = replace(example, labels=(("example.com/tier_2", "x"),), taints=(taint,))
        tags = autoscaler_tags("dev", pool, zone_parts(capacity(0, 1), 1)[0])
        template = "k8s.io_cluster-autoscaler_node-template_"

        def read(kind: str) -> dict[str, str]:
            """Return keys and values as the autoscaler reads them (azure_template.go)."""
            prefix = f"{template}{kind}_"
            return {
                name.removeprefix(prefix).replace("_", "/").replace("~2", "_"): value
                for name, value in tags.items()
                if name.startswith(prefix)
            }

        assert read("label") == {"example.com/tier_2": "x"}
        assert read("taint") == {"example.com/gpu_type": "a:NoSchedule"}


class TestAddOns:
    def test_controller_reads_tags_with_any_characters(self) -> None:
        names = replace(NAMES, tags={"owner": "a=b,c"})
        network = NetworkReference(
            id="n", members="m", pools="p", load_balancer=IPv4Address("10.0.0.4"), group="g", name="n",
            pools_name="p",
        )  # fmt: skip
        config = json.loads(cloud_config(names, network, tenant_id="t", client_id="c"))
        assert config["tagsMap"] == {"owner": "a=b,c", "kubewright:cluster": "dev"}
        assert "tags" not in config

    @given(st.dictionaries(st.text("ab-", min_size=1), st.text("x=,;|", max_size=5), max_size=4))
    def test_disk_driver_reads_tags_with_any_characters(self, tags: dict[str, str]) -> None:
        parameters = storage_class_parameters({**tags, "last": "x"})
        delimiter = parameters.get("tagValueDelimiter", ",")
        read = dict(item.split("=", 1) for item in parameters["tags"].split(delimiter))
        assert read == {**tags, "last": "x"}

    def test_storage_class_of_ordinary_tags_is_unchanged(self) -> None:
        """Parameters of a StorageClass cannot change."""
        parameters = storage_class_parameters({"a": "b", "c": "d=e"})
        assert parameters == {"skuName": "Premium_LRS", "networkAccessPolicy": "DenyAll", "tags": "a=b,c=d=e"}

    def test_autoscaler_names_its_identity(self) -> None:
        """A policy can give further identities to a machine."""
        values = autoscaler_values(NAMES, "client")
        assert values["azureUserAssignedIdentityID"] == "client"


class TestStore:
    def test_firewall_rules(self) -> None:
        networks = [IPv4Network(text) for text in ("203.0.113.0/24", "198.51.100.7/32", "10.0.0.0/8")]
        assert ip_rules(networks) == ("203.0.113.0/24", "198.51.100.7")
        assert ip_rules([IPv4Network("0.0.0.0/0")]) is None
        assert ip_rules([IPv4Network("192.168.1.0/24")]) == ()


def with_size(size: str) -> ConfigEdit:
    def edit(cluster: Json) -> None:
        section(cluster, "control_planes", "machine")["type"] = size

    return edit


def with_tags(**tags: str) -> ConfigEdit:
    def edit(cluster: Json) -> None:
        section(cluster, "azure")["tags"] = tags

    return edit


def with_small_quota(cluster: Json) -> None:
    section(cluster, "azure")["quotas"] = {"vcpus": 10}


def with_private_networks(cluster: Json) -> None:
    section(cluster, "network")["api_allowed"] = ["10.0.0.0/8"]


def with_flow_logs(cluster: Json) -> None:
    section(cluster, "azure", "network")["flow_logs"] = True


def with_vault(cluster: Json) -> None:
    section(cluster, "azure")["endpoints"] = {"vault": "https://vault.example.com"}


def with_ssh(cluster: Json) -> None:
    section(cluster, "azure")["ssh_key"] = "ssh-ed25519 AAAA"


def with_opened_port(cluster: Json) -> None:
    row = {"port": 9100, "sources": ["10.20.0.0/24"], "because": "metrics"}
    section(cluster, "network")["ports"] = {"exporter": row}


def with_ingress(cluster: Json) -> None:
    section(cluster, "pools", "general")["taints"] = ["dedicated=ingress:NoSchedule"]
    cluster["addons"] = {"ingress": {"pool": "general", "sources": ["192.0.2.0/24"]}}


def with_other_port(cluster: Json) -> None:
    section(cluster, "endpoint")["port"] = 443


class TestFirewall:
    def test_a_new_rule_changes_no_other_priority(self) -> None:
        fewer, more = rules_by_group(example_settings()[2]), rules_by_group(example_settings(with_ssh)[2])
        for group, rules in fewer.items():
            assert {rule.name for rule in more[group]} - {rule.name for rule in rules} == {"tcp-22"}
            assert set(rules) <= set(more[group])

    def test_a_new_row_of_the_port_table_changes_no_released_priority(self) -> None:
        """New rows are at the end of the table. A new last row changes nothing here."""
        released = {
            "tcp-22": 100,
            "icmp": 110,
            "tcp-6443": 130,
            "tcp-9443": 160,
            "tcp-2379": 170,
            "tcp-2380": 180,
            "tcp-10250": 190,
            "tcp-10256": 200,
            "udp-8472": 210,
            "tcp-30000": 220,
            "udp-30000": 230,
            "probes": 499,
        }
        groups = rules_by_group(example_settings(with_ssh)[2]).values()
        priorities = {rule.name: rule.priority for rules in groups for rule in rules}
        assert released.items() <= priorities.items()

    def test_port_of_a_setting_has_another_name_than_that_of_the_dns_cache(self) -> None:
        """Test that no two rules of a group have the same name, which is also that of their resource."""

        def edit(cluster: Json) -> None:
            cluster["dns"] = {"node_cache": "used"}
            row = {"port": 53, "sources": ["10.20.0.0/24"], "because": "names"}
            section(cluster, "network")["ports"] = {"resolver": row}

        for rules in rules_by_group(example_settings(edit)[2]).values():
            names = [rule.name for rule in rules]
            assert len(names) == len(set(names))
            assert "tcp-53" in names

    def test_ports_of_the_ingress_are_open_only_on_workers(self) -> None:
        before, after = (rules_by_group(example_settings(edit)[2]) for edit in (None, with_ingress))
        added = {
            group: {rule.name: rule for rule in rules if rule not in before[group]}
            for group, rules in after.items()
        }
        assert {group: sorted(rules) for group, rules in added.items() if rules} == {
            "nodes": ["tcp-443", "tcp-80"]
        }
        rule = added["nodes"]["tcp-443"]
        assert "192.0.2.0/24" in rule.sources
        assert "0.0.0.0/0" not in rule.sources
        assert FIRST_SETTING_PRIORITY <= rule.priority < LAST_PRIORITY

    def test_ports_of_settings_have_priorities_after_the_port_table(self) -> None:
        """Test that a new row of the table changes no rule of a setting."""
        priorities = [
            rule.priority
            for rules in rules_by_group(example_settings(with_opened_port)[2]).values()
            for rule in rules
            if rule.name == "tcp-9100"
        ]
        assert priorities == [485] * 2

    def test_rows_of_the_port_table_have_separate_priorities_before_those_of_settings(self) -> None:
        priorities = [row_priority(number) for number in range(len(PORT_TABLE))]
        assert len({*priorities}) == len(PORT_TABLE)
        assert min(priorities) == FIRST_PRIORITY
        assert max(priorities) < FIRST_SETTING_PRIORITY
        assert priorities[:2] == [100, 110], "existing rules keep their priorities"


class TestLimits:
    def test_the_example_has_no_problem(self) -> None:
        assert limits.problems(*example_settings()) == []

    @pytest.mark.parametrize(
        ("edit", "path"),
        [
            (with_small_quota, "azure.quotas.vcpus"),
            (with_private_networks, "network.api_allowed"),
            (with_other_port, "endpoint.port"),
            (with_flow_logs, "azure.network.flow_logs"),
            (with_vault, "azure.endpoints.vault"),
            (with_size("t3.large"), "control_planes.machine.type"),
            (with_size("Standard_D2_v5"), "control_planes.machine.type"),
            (with_size("Standard_D3s_v5"), "control_planes.machine.type"),
            (with_size("Standard_ABC4s_v5"), "control_planes.machine.type"),
            (with_size("Standard_B2ms"), "control_planes.machine.type"),
            (with_tags(**{f"tag-{number}": "x" for number in range(15)}), "azure.tags"),
            (with_tags(**{"example.com": "x"}), "azure.tags.example.com"),
        ],
    )
    def test_problems_name_the_setting(self, edit: ConfigEdit, path: str) -> None:
        problems = limits.problems(*example_settings(edit))
        assert [problem.path for problem in problems] == [path]
        assert "\n" not in str(problems[0])

    def test_problem_of_long_custom_data_names_the_machine(self) -> None:
        (problem,) = limits.custom_data_problems({"cp-1": "x" * 65_536, "cp-2": "x" * 65_535})
        assert problem.path == "cp-1"
