"""Tests of limits of AWS, which are checked before resources are created."""

from __future__ import annotations

import logging

import pytest

from providers.aws import limits
from providers.aws.boot import BootPrograms
from providers.aws.identity import permissions_of
from providers.aws.names import Names
from providers.aws.policies import Condition, Statement, policy_document, template_values
from providers.aws.pools import healthy_percentage
from providers.aws.type_limits import vcpus
from providers.cloud.machine_config import CONTROL_PLANES, ETCD_MEMBERS, POOLS
from settings.aws import AwsEndpoints
from settings.clouds import CloudAddonSettings
from tests.unit.components.graph import Json
from tests.unit.providers.aws.program import example_config, example_settings, run_program
from tests.unit.providers.program import ConfigEdit, section


def problem_messages(edit: ConfigEdit) -> list[str]:
    return [str(problem) for problem in limits.problems(*example_settings(edit))]


def with_name(name: str) -> ConfigEdit:
    def edit(cluster: Json) -> None:
        cluster["name"] = name

    return edit


class TestQuotas:
    def test_the_example_fits(self) -> None:
        assert limits.problems(*example_settings()) == []

    def test_vcpus_above_the_quota_are_a_problem(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "aws", "quotas")["vcpus"] = 8

        (error,) = problem_messages(edit)
        # Three t3.large and three m6i.large with 2 vCPUs each. Spot machines have a separate quota.
        assert "aws.quotas.vcpus: 8: the on-demand machines of the cluster need at least 12 vCPUs" in error
        assert "L-1216C47A" in error

    def test_spot_machines_have_a_separate_quota(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "pools", "batch")["size"] = {"min": 2, "max": 20}
            section(cluster, "aws", "quotas")["spot_vcpus"] = 5

        (error,) = problem_messages(edit)
        assert "spot_vcpus: 5: the spot machines of the cluster need at least 8 vCPUs" in error

    def test_growth_beyond_the_quota_is_a_warning(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "aws", "quotas")["vcpus"] = 12

        settings, aws, _ = example_settings(edit)
        (warning,) = limits.warnings(settings, aws)
        assert "need 26 vCPUs" in warning
        assert limits.problems(*example_settings(edit)) == []

    def test_addresses_of_nat_gateways_above_the_quota_are_a_problem(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "aws", "network")["nat"] = "per-zone"
            section(cluster, "aws", "quotas")["addresses"] = 2

        (error,) = problem_messages(edit)
        assert "3 NAT gateways" in error

    def test_rules_of_a_security_group_above_the_quota_are_a_problem(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "network")["api_allowed"] = [f"192.0.2.{n}/32" for n in range(0, 140, 2)]

        (error,) = problem_messages(edit)
        assert "network.api_allowed" in error
        assert "the account allows 60" in error

    @pytest.mark.parametrize(
        ("machine", "count"),
        [
            ("t3.medium", 2),
            ("m5.large", 2),
            ("m6i.4xlarge", 16),
            ("m7a.medium", 1),
            ("m5.metal", 96),
            ("hpc7a.12xlarge", 24),
            ("m99.large", None),
        ],
    )
    def test_vcpus_follow_from_the_size(self, machine: str, count: int | None) -> None:
        assert vcpus(machine) == count


class TestSizes:
    def test_cluster_name_is_too_long_for_bucket_names(self) -> None:
        assert problem_messages(with_name("a" * 24)) == []
        (error,) = problem_messages(with_name("a" * 25))
        assert "at most 24 characters" in error
        longest = Names(cluster="a" * 24, region="ap-southeast-1")
        assert len(longest.bucket("1" * 12)) <= 63
        assert len(longest.name("api")) <= 32

    def test_pool_name_is_too_long_for_role_names(self) -> None:
        def with_pool_name(name: str) -> ConfigEdit:
            def edit(cluster: Json) -> None:
                pools = section(cluster, "pools")
                pools[name] = pools.pop("general")

            return edit

        # The role name is aws-example-pool-…-eu-central-1.
        assert problem_messages(with_pool_name("p" * 34)) == []
        (error,) = problem_messages(with_pool_name("p" * 35))
        assert error.startswith(
            f"kubewright:cluster.pools.{'p' * 35}: the name of its role, aws-example-pool-ppp"
        )
        assert "65 characters, over 64" in error

    @pytest.mark.parametrize("machine", ["m6g.large", "t4g.small", "c7g.large", "im4gn.large", "a1.large"])
    def test_members_and_nodes_can_be_arm64_machines(self, machine: str) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "control_planes", "machine")["type"] = machine
            section(cluster, "pools", "general", "machine")["types"] = [machine]
            section(cluster, "aws")["image_arm64"] = {"id": "ami-0123456789abcdef0"}

        assert problem_messages(edit) == []

    @pytest.mark.parametrize(("machine", "architecture"), [("mac1", "x86_64_mac"), ("mac2", "arm64_mac")])
    def test_other_architectures_are_refused(self, machine: str, architecture: str) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "pools", "general", "machine")["types"] = [f"{machine}.metal"]

        assert any(
            f"{machine}.metal: a machine of the architecture {architecture}; use an amd64" in error
            for error in problem_messages(edit)
        )

    @pytest.mark.parametrize("machine", ["m4.large", "t2.medium", "i3.large", "x1e.xlarge", "d2.xlarge"])
    def test_member_requires_a_type_with_nvme_volumes(self, machine: str) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "control_planes", "machine")["type"] = machine

        (error,) = problem_messages(edit)
        assert f"control_planes.machine.type: {machine}: has no device names with volume ids" in error

        def edit_workers(cluster: Json) -> None:
            section(cluster, "pools", "general", "machine")["types"] = [machine]

        assert problem_messages(edit_workers) == []

    @pytest.mark.parametrize("machine", ["g4dn.xlarge", "i3en.large", "p4d.24xlarge", "m5dn.large"])
    def test_other_types_are_accepted(self, machine: str) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "control_planes", "machine")["type"] = machine
            section(cluster, "aws", "quotas")["vcpus"] = 1000

        assert problem_messages(edit) == []

    def test_a_type_that_ec2_does_not_have_is_a_problem(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "control_planes", "machine")["type"] = "m99.large"

        (error,) = problem_messages(edit)
        assert "control_planes.machine.type: m99.large: not a type of EC2 on 2026-" in error
        assert "python3 -m providers.aws.refresh_types --region eu-central-1" in error

    def test_a_type_that_the_region_does_not_offer_is_a_problem(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "aws").update({"region": "il-central-1", "zones": 3})
            section(cluster, "pools", "batch", "machine")["types"] = ["m5a.xlarge"]

        assert any("m5a.xlarge: not offered in il-central-1 on" in error for error in problem_messages(edit))

    def test_mixed_sizes_in_a_pool_are_a_problem(self) -> None:
        """The autoscaler computes free resources from any node of the group."""

        def edit(cluster: Json) -> None:
            section(cluster, "pools", "batch", "machine")["types"] = ["m6i.xlarge", "r6i.xlarge"]

        (error,) = problem_messages(edit)
        assert "pools.batch.machine.types: types of several sizes: m6i.xlarge (4 vCPUs, 16 GiB)" in error
        assert "r6i.xlarge (4 vCPUs, 32 GiB)" in error

    def test_zones_that_do_not_exist_are_a_problem(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "aws")["zones"] = ["eu-central-1a", "eu-central-1b", "eu-central-1f"]

        (error,) = problem_messages(edit)
        assert "aws.zones[2]: eu-central-1f: not a zone of eu-central-1, which has eu-central-1a" in error

        def too_many(cluster: Json) -> None:
            section(cluster, "aws")["zones"] = 4

        assert any("aws.zones: 4: eu-central-1 has only" in error for error in problem_messages(too_many))

    @pytest.mark.parametrize("name", ["internal", "internal-1"])
    def test_a_cluster_name_that_load_balancers_cannot_start_with_is_a_problem(self, name: str) -> None:
        (error,) = problem_messages(with_name(name))
        assert "because names of load balancers must not start so" in error

    def test_pools_whose_groups_have_the_same_name_are_a_problem(self) -> None:
        def edit(cluster: Json) -> None:
            pools = section(cluster, "pools")
            pools["general-zone-2"] = pools["general"]
            section(cluster, "aws", "quotas")["vcpus"] = 100

        (error,) = problem_messages(edit)
        assert "pools.general-zone-2: its machine group would have the name" in error

    def test_tags_that_aws_refuses_are_a_problem(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "aws", "tags")["owner"] = "team A's"

        (error,) = problem_messages(edit)
        assert error.startswith("kubewright:cluster.aws.tags.owner: team A's: AWS refuses")

    def test_text_that_is_no_machine_type_is_a_problem(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "pools", "general", "machine")["types"] = ["large"]

        assert any("not an instance type" in error for error in problem_messages(edit))

    def test_policies_fit_with_every_add_on_and_the_longest_names(self) -> None:
        values = template_values(Names(cluster="a" * 24, region="ap-southeast-1"))
        addons = CloudAddonSettings(load_balancers=True)
        for prefix in (CONTROL_PLANES, ETCD_MEMBERS, f"{POOLS}/{'p' * 40}"):
            permissions = permissions_of(prefix, addons)
            inline = sum(
                len(policy_document(statements, values)) for statements in permissions.inline.values()
            )
            assert inline <= limits.MAX_INLINE_CHARACTERS
            for statements in permissions.managed.values():
                assert len(policy_document(statements, values)) <= limits.MAX_MANAGED_CHARACTERS

    def test_problem_of_long_user_data_names_the_machine(self) -> None:
        authority = "x" * limits.MAX_USER_DATA_BYTES
        boot = BootPrograms("eu-central-1", "amazonaws.com", AwsEndpoints(ca_file="ca"), {"ca": authority})
        (problem,) = limits.user_data_problems({"cp-1": boot.longest_program(CONTROL_PLANES, "cp-1")})
        assert "cp-1: the boot program has" in str(problem)
        short = BootPrograms("eu-central-1", "amazonaws.com", AwsEndpoints(), {})
        assert limits.user_data_problems({"cp-1": short.longest_program(CONTROL_PLANES, "cp-1")}) == []

    def test_problems_raise_one_error(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.ERROR)
        with pytest.raises(SystemExit) as exit_info:
            run_program(example_config(with_name("a" * 25)))
        assert exit_info.value.code == 32
        errors = [record.message for record in caplog.records if record.levelname == "ERROR"]
        assert len(errors) == 1
        assert errors[0].startswith("kubewright:cluster.name: ")


class TestPolicies:
    def test_action_with_a_wildcard_raises_an_error(self) -> None:
        with pytest.raises(ValueError, match="one by one"):
            Statement("Wide", ("ec2:*",), ("arn:aws:ec2:::x",))

    def test_wildcard_resource_requires_a_reason(self) -> None:
        with pytest.raises(ValueError, match="wildcard_reason"):
            Statement("Wide", ("ec2:DescribeVolumes",), ("*",))
        with pytest.raises(ValueError, match="wildcard_reason"):
            Statement("Narrow", ("s3:GetObject",), ("arn:aws:s3:::x",), wildcard_reason="no reason is needed")

    def test_all_templates_of_policies_are_replaced(self) -> None:
        condition = Condition("StringEquals", "aws:ResourceTag/{cluster}", ("{region}",))
        statement = Statement("One", ("s3:GetObject",), ("{bucket}/x",), (condition,))
        text = policy_document(
            [statement], template_values(Names(cluster="c", region="cn-north-1"), account="1" * 12)
        )
        assert "{" not in text.replace('{"', "").replace(":{", "").replace("[{", "")
        assert "arn:aws-cn:s3:::kubewright-c-111111111111-cn-north-1/x" in text
        assert '"aws:ResourceTag/c":["cn-north-1"]' in text


class TestRefresh:
    @pytest.mark.parametrize(
        ("maximum", "unavailable", "percent"),
        [(3, 1, 67), (10, 1, 90), (20, 3, 85), (3000, 1, 100), (1, 1, 0), (2, 5, 0)],
    )
    def test_refresh_keeps_the_minimum_number_of_machines(
        self, maximum: int, unavailable: int, percent: int
    ) -> None:
        assert healthy_percentage(maximum, unavailable) == percent
        # AWS rounds up the number of machines that must stay.
        min_in_service = -(-maximum * percent // 100)
        assert maximum - min_in_service <= max(1, unavailable)
