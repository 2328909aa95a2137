"""An emulated AWS account for tests. The test acts as the account holder and as Auto Scaling."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3

from lab.cloud.running import ADMIN, RunningMachine, admin_secret
from tests.clouds.emulated_cloud import EmulatedCloud

REGION = "eu-central-1"


@dataclass(frozen=True, kw_only=True)
class MachineLaunch:
    """A machine to launch: its host in the lab, the address of its interface, and the data of its launch
    template.

    `hook` is the lifecycle hook that the machine's group waits for.
    """

    host: str
    address: str
    user_data: str
    role: str
    zone: str = f"{REGION}a"
    group: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    group_tags: Mapping[str, str] = field(default_factory=dict)
    hook: str = ""


class EmulatedAws(EmulatedCloud):
    """An emulated AWS account. Clients are those of boto3, with the access key of the deployer."""

    def __init__(self, lab: str) -> None:
        super().__init__(lab)
        self._session = boto3.Session(ADMIN, admin_secret(lab), region_name=REGION)

    def client(self, service: str) -> Any:  # noqa: ANN401 — boto3 has a class for each service
        """Return a client of a service, e.g. `ec2`."""
        return self._session.client(service, endpoint_url=self.url, verify=str(self.ca))  # type: ignore[call-overload]

    def role(self, name: str, *policies: Mapping[str, Any]) -> None:
        """Create a role with inline policies."""
        iam = self.client("iam")
        trust = {"Version": "2012-10-17", "Statement": []}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        for number, policy in enumerate(policies):
            iam.put_role_policy(RoleName=name, PolicyName=f"p{number}", PolicyDocument=json.dumps(policy))

    def launch(self, *launches: MachineLaunch) -> tuple[RunningMachine, ...]:
        """Launch machines at the same time, as groups do, and return when all have booted."""
        machines = tuple(self._machine(launch) for launch in launches)
        self.boot([(machine, launch.user_data) for machine, launch in zip(machines, launches, strict=True)])
        return machines

    def terminate(self, machine: RunningMachine) -> None:
        """Terminate a machine as Auto Scaling does: immediately, with its disk; its data volume is kept."""
        self.terminate_machine(machine)
        self.client("ec2").terminate_instances(InstanceIds=[machine.id])

    def _machine(self, launch: MachineLaunch) -> RunningMachine:
        tags = [{"Key": key, "Value": value} for key, value in launch.tags.items()]
        specification = [{"ResourceType": "instance", "Tags": tags}]
        response = self.client("ec2").run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            Placement={"AvailabilityZone": launch.zone},
            **({"TagSpecifications": specification} if tags else {}),
        )
        return RunningMachine(
            id=response["Instances"][0]["InstanceId"],
            host=launch.host,
            address=launch.address,
            hostname=f"ip-{launch.address.replace('.', '-')}",
            zone=launch.zone,
            region=REGION,
            identity=launch.role,
            group=launch.group or launch.host,
            group_tags=launch.group_tags,
            hook=launch.hook,
        )
