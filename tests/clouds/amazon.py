"""The test's side of an emulated AWS: what the account holder and Auto Scaling do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import boto3

from lab import hosts, stack
from lab.cloud.ports import API_PORT, METADATA_PORT
from lab.cloud.running import ADMIN, Fleet, Running, admin_secret
from lab.paths import LabPaths
from lab.spec import Instance, LabHost, LabSpec

REGION = "eu-central-1"
MEMORY = 2 * 1024**3


class Amazon:
    """An account. Clients are boto3's, with the deployer's own key."""

    def __init__(self, lab: str) -> None:
        self.lab = lab
        self.fleet = Fleet.of(lab)
        self.gateway = str(self.spec.gateway)
        self.url = f"https://{self.gateway}:{API_PORT}"
        self.metadata_url = f"http://{self.gateway}:{METADATA_PORT}"
        self.ca = LabPaths.of(lab).ca
        self._session = boto3.Session(ADMIN, admin_secret(lab), region_name=REGION)

    @property
    def spec(self) -> LabSpec:
        """The lab as it is now."""
        return stack.load(self.lab)

    def client(self, service: str) -> Any:  # noqa: ANN401 — boto3 has a class for each service
        """A client of a service, e.g. `ec2`."""
        return self._session.client(service, endpoint_url=self.url, verify=str(self.ca))  # type: ignore[call-overload]

    def role(self, name: str, *policies: Mapping[str, Any]) -> None:
        """A role with these policies inside."""
        iam = self.client("iam")
        iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []})
        )
        for number, policy in enumerate(policies):
            iam.put_role_policy(RoleName=name, PolicyName=f"p{number}", PolicyDocument=json.dumps(policy))

    def launch(
        self,
        host: str,
        address: str,
        user_data: str,
        *,
        role: str,
        zone: str = f"{REGION}a",
        group: str = "",
        tags: Mapping[str, str] = {},
    ) -> Running:
        """Start a machine from its image, as a group does; returns once it has booted."""
        ec2 = self.client("ec2")
        specification = [
            {"ResourceType": "instance", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}
        ]
        made = ec2.run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            Placement={"AvailabilityZone": zone},
            **({"TagSpecifications": specification} if tags else {}),
        )
        machine = Running(
            id=made["Instances"][0]["InstanceId"],
            host=host,
            address=address,
            hostname=f"ip-{address.replace('.', '-')}",
            zone=zone,
            region=REGION,
            identity=role,
            group=group or host,
        )
        self.fleet.add(machine)
        instance = Instance(id=machine.id, hostname=machine.hostname, user_data=user_data)
        place = LabHost.model_validate(
            {"name": host, "address": address, "memory": MEMORY, "instance": instance}
        )
        self._hosts([*(other for other in self.spec.hosts if other.name != host), place])
        return machine

    def terminate(self, machine: Running) -> None:
        """End a machine like Auto Scaling does: at once, with its disk; its data volume stays."""
        self._hosts([host for host in self.spec.hosts if host.name != machine.host])
        self.client("ec2").terminate_instances(InstanceIds=[machine.id])
        self.fleet.remove(machine.id)

    def run(self, host: str, command: str, *, timeout: float = 120) -> str:
        """What a command on a host says. Fails with its error output."""
        done = hosts.execute(self.lab, host, ["sh", "-c", command], stdin="", timeout=timeout)
        assert done.returncode == 0, f"{host}: {command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout.strip()

    def _hosts(self, wanted: Sequence[LabHost]) -> None:
        stack.up(self.spec.model_copy(update={"hosts": tuple(wanted)}))
