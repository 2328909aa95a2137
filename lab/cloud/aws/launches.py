"""Launches of machines: the data that Auto Scaling reads from a launch template."""

from __future__ import annotations

import base64
import time
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from lab.cloud.aws.clients import client
from lab.cloud.aws.deployer import environment_variables
from lab.cloud.aws.scaling_groups import ScalingGroup
from lab.cloud.machines import Launch, numbered_host
from lab.cloud.running import RunningMachine
from lab.cloud.zones import FailedZones
from lab.paths import NAME_LENGTH

CLUSTER_TAG = "kubewright:cluster"
FIRST_ADDRESS = 100
"""The number of the first address in a subnet for machines without an own network interface."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Address and zone of a new machine."""

    address: str
    zone: str


class Launcher:
    """Creates the instances of a lab in the emulated EC2. `variables` are those of the deployer."""

    def __init__(self, lab: str, variables: Mapping[str, str] | None = None) -> None:
        variables = variables or environment_variables(lab)
        self._ec2, self._iam = client("ec2", variables), client("iam", variables)
        self._failed_zones = FailedZones.of(lab)

    def launches(self, group: ScalingGroup, count: int, machines: Sequence[RunningMachine]) -> list[Launch]:
        """Create `count` instances of a group. `machines` are the existing machines of all groups."""
        template, version = group.template
        data = self._template_data(template, version)
        launches: list[Launch] = []
        for _ in range(count):
            taken = [*machines, *(launch.machine for launch in launches)]
            place = self._place(group, data, taken)
            if place is None:
                break  # the zone has failed, or the interface of a member is in use by its previous machine
            hosts = {machine.host for machine in taken}
            host = host_name(group, hosts, numbered=not _interface(data))
            launches.append(self._launch(group, data, place, host))
        return launches

    def terminate(self, identities: Sequence[str]) -> None:
        """Terminate instances, which detaches their volumes."""
        self._ec2.terminate_instances(InstanceIds=list(identities))

    def _launch(self, group: ScalingGroup, data: Mapping[str, Any], place: _Place, host: str) -> Launch:
        response = self._ec2.run_instances(
            ImageId=data["ImageId"],
            InstanceType=data["InstanceType"],
            MinCount=1,
            MaxCount=1,
            Placement={"AvailabilityZone": place.zone},
            PrivateIpAddress=place.address,
            TagSpecifications=[
                item for item in data.get("TagSpecifications", []) if item["ResourceType"] == "instance"
            ],
        )
        name, hook = group.hook("LAUNCHING") or ("", None)
        template, version = group.template
        machine = RunningMachine(
            id=response["Instances"][0]["InstanceId"],
            host=host,
            address=place.address,
            hostname=f"ip-{place.address.replace('.', '-')}",
            zone=place.zone,
            region=place.zone[:-1],
            identity=self._role(data["IamInstanceProfile"]["Arn"]),
            group=group.name,
            group_tags={key: str(tag.get("Value", "")) for key, tag in group.tags.items()},
            type=data["InstanceType"],
            hook=name,
            hook_deadline=time.time() + hook.timeout if hook is not None else 0.0,
            template=template,
            version=version,
        )
        return Launch(machine, base64.b64decode(data["UserData"]).decode())

    def _template_data(self, template: str, version: str) -> Mapping[str, Any]:
        response = self._ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=[version])
        data: Mapping[str, Any] = response["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        return data

    def _role(self, profile: str) -> str:
        name = profile.rpartition("/")[2]
        roles = self._iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]
        return str(roles[0]["RoleName"])

    def _place(
        self, group: ScalingGroup, data: Mapping[str, Any], machines: Iterable[RunningMachine]
    ) -> _Place | None:
        """Return the place of a new machine.

        Return None while its network interface is in use, and while all of its zones have failed.
        """
        taken, failed = {machine.address for machine in machines}, self._failed_zones.all()
        if interface := _interface(data):
            response = self._ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])
            (found,) = response["NetworkInterfaces"]
            address, zone = found["PrivateIpAddress"], found["AvailabilityZone"]
            return None if address in taken or zone in failed else _Place(address, zone)
        response = self._ec2.describe_subnets(SubnetIds=list(group.subnets))
        subnets = [item for item in response["Subnets"] if item["AvailabilityZone"] not in failed]
        if not subnets:
            return None
        zones = [machine.zone for machine in machines if machine.group == group.name]
        # Auto Scaling keeps the numbers of machines in all zones equal.
        subnet = min(subnets, key=lambda item: zones.count(item["AvailabilityZone"]))
        network = IPv4Network(subnet["CidrBlock"])
        addresses = (str(network[number]) for number in range(FIRST_ADDRESS, network.num_addresses - 1))
        return _Place(next(item for item in addresses if item not in taken), subnet["AvailabilityZone"])


def _interface(data: Mapping[str, Any]) -> str:
    """Return the id of the network interface that a template names; empty without one."""
    return next((str(item["NetworkInterfaceId"]) for item in data.get("NetworkInterfaces") or []), "")


def host_name(group: ScalingGroup, taken: Container[str], *, numbered: bool) -> str:
    """Return the name of the host in the lab: the group's name without the cluster, and a number in pools."""
    cluster = str(group.tags.get(CLUSTER_TAG, {}).get("Value", ""))
    name = group.name.removeprefix(f"{cluster}-")
    if not numbered:
        return name[:NAME_LENGTH]
    return numbered_host(name, taken)
