"""Tests of the deletion of what controllers in the cluster created, against moto's services."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from providers.aws import leftovers
from providers.aws.leftovers import Leftovers, main
from providers.cloud.polling import WaitError
from tests.unit.components.graph import Json
from tests.unit.providers.aws.autoscaling import REGION
from tests.unit.providers.aws.program import graph
from tests.unit.providers.program import section

CLUSTER = "test"
OWNED = {"Key": f"kubernetes.io/cluster/{CLUSTER}", "Value": "owned"}
OTHER = {"Key": "kubernetes.io/cluster/other", "Value": "owned"}
OF_THE_STACK = {"Key": "kubewright:cluster", "Value": CLUSTER}
OF_THE_CONTROLLER = {"Key": "elbv2.k8s.aws/cluster", "Value": CLUSTER}


class Account:
    """An account of moto with a VPC."""

    def __init__(self) -> None:
        self.ec2 = boto3.client("ec2", REGION)
        self.elb: Any = boto3.client("elb", REGION)
        self.elbv2: Any = boto3.client("elbv2", REGION)
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]

    def group(self, name: str, *tags: Any) -> str:  # noqa: ANN401 - tags of EC2
        specification: Any = [{"ResourceType": "security-group", "Tags": list(tags)}]
        created = self.ec2.create_security_group(
            GroupName=name, Description=name, VpcId=self.vpc, TagSpecifications=specification if tags else []
        )
        return created["GroupId"]

    def volume(self, *tags: Any) -> str:  # noqa: ANN401 - tags of EC2
        specification: Any = [{"ResourceType": "volume", "Tags": list(tags)}]
        return self.ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=specification)[
            "VolumeId"
        ]

    def balancer(self, name: str, *tags: Any) -> str:  # noqa: ANN401 - tags of ELB
        created = self.elbv2.create_load_balancer(
            Name=name, Subnets=[self.subnet], Type="network", Tags=list(tags)
        )
        return str(created["LoadBalancers"][0]["LoadBalancerName"])

    def balancers(self) -> set[str]:
        found = self.elbv2.describe_load_balancers()["LoadBalancers"]
        classic = self.elb.describe_load_balancers()["LoadBalancerDescriptions"]
        return {item["LoadBalancerName"] for item in (*found, *classic)}

    def volumes(self) -> set[str]:
        return {item["VolumeId"] for item in self.ec2.describe_volumes()["Volumes"]}

    def groups(self) -> set[str]:
        return {item["GroupId"] for item in self.ec2.describe_security_groups()["SecurityGroups"]}

    def leftovers(self) -> Leftovers:
        return Leftovers(CLUSTER, self.ec2, self.elb, self.elbv2, seconds=0, interval=0)


@pytest.fixture
def aws(account: None) -> Account:
    return Account()


def test_load_balancers_of_the_cluster_are_deleted_and_no_others(aws: Account) -> None:
    aws.balancer("api", OF_THE_STACK, OWNED)
    aws.balancer("other", OTHER)
    aws.balancer("web", OWNED)
    aws.balancer("ingress", OF_THE_CONTROLLER)
    listener = {"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 30080}
    for name, tag in (("classic", OWNED), ("classic-other", OTHER)):
        aws.elb.create_load_balancer(
            LoadBalancerName=name, Listeners=[listener], Subnets=[aws.subnet], Tags=[tag]
        )
    for name, tag in (("web", OWNED), ("other", OTHER)):
        aws.elbv2.create_target_group(Name=name, Protocol="TCP", Port=80, VpcId=aws.vpc, Tags=[tag])
    aws.leftovers().delete(volumes=False)
    assert aws.balancers() == {"api", "other", "classic-other"}
    assert [item["TargetGroupName"] for item in aws.elbv2.describe_target_groups()["TargetGroups"]] == [
        "other"
    ]


def test_security_groups_are_deleted_with_the_rules_that_refer_to_them(aws: Account) -> None:
    workers = aws.group("workers", OF_THE_STACK, OWNED)
    of_balancer, other = aws.group("k8s-elb-1", OWNED), aws.group("k8s-elb-2", OTHER)
    for source in (of_balancer, other):
        permission: Any = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": source}]}
        aws.ec2.authorize_security_group_ingress(GroupId=workers, IpPermissions=[permission])
    aws.leftovers().delete(volumes=False)
    assert {workers, other} <= aws.groups()
    assert of_balancer not in aws.groups()
    (group,) = aws.ec2.describe_security_groups(GroupIds=[workers])["SecurityGroups"]
    sources = [pair["GroupId"] for rule in group["IpPermissions"] for pair in rule["UserIdGroupPairs"]]
    assert sources == [other]


def test_volumes_are_deleted_only_on_request(aws: Account, capsys: pytest.CaptureFixture[str]) -> None:
    of_pod, of_stack, other = aws.volume(OWNED), aws.volume(OWNED, OF_THE_STACK), aws.volume(OTHER)
    aws.leftovers().delete(volumes=False)
    assert {of_pod, of_stack, other} <= aws.volumes()
    assert (
        f"volumes of pods stay, and cost money until you delete them: {of_pod}\n" in capsys.readouterr().err
    )
    aws.leftovers().delete(volumes=True)
    assert of_pod not in aws.volumes()
    assert {of_stack, other} <= aws.volumes()


def test_nothing_is_deleted_while_the_cluster_has_machines(aws: Account) -> None:
    """The command of the stack runs this program only after the machines have ended."""
    aws.balancer("web", OWNED)
    volume = aws.volume(OWNED)
    specification: Any = [{"ResourceType": "instance", "Tags": [OF_THE_STACK]}]
    (machine,) = aws.ec2.run_instances(
        ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=specification
    )["Instances"]
    aws.leftovers().delete(volumes=True)
    assert aws.balancers() == {"web"}
    assert volume in aws.volumes()
    aws.ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])
    aws.leftovers().delete(volumes=True)
    assert aws.balancers() == set()


def test_a_volume_in_use_ends_the_wait_with_its_id(aws: Account) -> None:
    volume = aws.volume(OWNED)
    (machine,) = aws.ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"]
    aws.ec2.attach_volume(VolumeId=volume, InstanceId=machine["InstanceId"], Device="/dev/xvdz")
    with pytest.raises(WaitError, match=f"the volume {volume} is in use"):
        aws.leftovers().delete(volumes=True)


def test_program_is_one_command(aws: Account, capsys: pytest.CaptureFixture[str]) -> None:
    aws.balancer("web", OWNED)
    assert main(["--region", REGION, "--cluster", CLUSTER]) == 0
    assert aws.balancers() == set()
    assert "deleted the load balancer app/web/" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "setting", "deleted"),
    [("test", None, True), ("production", None, False), ("production", True, True), ("test", False, False)],
)
def test_volumes_of_production_stay_by_default(environment: str, setting: bool | None, deleted: bool) -> None:
    def edit(cluster: Json) -> None:
        cluster["environment"] = environment
        section(cluster, "aws")["delete_volumes"] = setting

    command = graph(edit).node("aws-leftovers")
    words = command.text("delete").split()
    assert words[:4] == ["exec", "python3", "-m", leftovers.__name__]
    assert ("--volumes" in words) is deleted
    assert command.inputs["create"] == ":"


def test_leftovers_are_deleted_between_machines_and_network() -> None:
    """The engine deletes a resource before its dependencies."""
    resources = graph()
    command = resources.node("aws-leftovers")
    dependencies = resources.dependencies(command)
    assert {"aws-network-vpc", "aws-firewall-workers"} <= dependencies
    for machine in ("cp-1-group", "pool-general-group"):
        assert command.name in resources.dependencies(resources.node(machine))
        assert machine not in dependencies
