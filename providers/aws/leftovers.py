"""The program that deletes what controllers in the cluster created: load balancers and volumes of pods.

Run as `python3 -m providers.aws.leftovers --region REGION --cluster NAME`, with the deployer's own
credentials, when the machines of the cluster have ended. The controllers tag what they create. A VPC cannot
be deleted while it has load balancers. The exit code is 0, or 1 with one line on stderr.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from formats.notices import PROGRESS
from providers.aws.names import CLUSTER_TAG
from providers.cloud.polling import WaitError, run_program

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

_RUNNING = ("pending", "running")
_MAX_DESCRIBED = 20
"""Maximum number of load balancers of one call of DescribeTags."""
_RELEASE_SECONDS = 900.0
"""The time in which AWS releases the network interfaces of a deleted load balancer."""
_INTERVAL_SECONDS = 10.0
_IN_USE = {"DependencyViolation", "ResourceInUse", "VolumeInUse"}

Tags = Mapping[str, str]


class Leftovers:
    """What controllers of a cluster created. `elb` has classic load balancers, `elbv2` the other kinds."""

    def __init__(
        self,
        cluster: str,
        ec2: EC2Client,
        elb: Any,  # noqa: ANN401 — boto3 has a class for each service
        elbv2: Any,  # noqa: ANN401
        *,
        seconds: float = _RELEASE_SECONDS,
        interval: float = _INTERVAL_SECONDS,
    ) -> None:
        self._cluster, self._ec2, self._elb, self._elbv2 = cluster, ec2, elb, elbv2
        self._seconds, self._interval = seconds, interval

    def delete(self, *, volumes: bool) -> None:
        """Delete load balancers with their target groups and security groups, and `volumes` of pods.

        Do nothing while the cluster has machines, because its controllers would create them again. Raise
        WaitError when AWS does not release a resource in time.
        """
        if self._has_machines():
            _note("the cluster has machines, so its load balancers and volumes stay")
            return
        self._delete_load_balancers()
        self._delete_security_groups()
        found = [
            item["VolumeId"]
            for page in self._ec2.get_paginator("describe_volumes").paginate(Filters=[self._owned()])
            for item in page["Volumes"]
            if self._is_leftover(_tags(item.get("Tags", ())))
        ]
        if volumes:
            for volume in found:
                self._release(f"volume {volume}", partial(self._ec2.delete_volume, VolumeId=volume))
        elif found:
            _note(f"volumes of pods stay, and cost money until you delete them: {', '.join(sorted(found))}")

    def _has_machines(self) -> bool:
        filters = [
            {"Name": f"tag:{CLUSTER_TAG}", "Values": [self._cluster]},
            {"Name": "instance-state-name", "Values": list(_RUNNING)},
        ]
        pages = self._ec2.get_paginator("describe_instances").paginate(Filters=filters)  # type: ignore[arg-type]
        return any(page["Reservations"] for page in pages)

    def _owned(self) -> Any:  # noqa: ANN401 — a filter of EC2
        return {"Name": f"tag:{self._tag}", "Values": ["owned"]}

    @property
    def _tag(self) -> str:
        return f"kubernetes.io/cluster/{self._cluster}"

    def _is_leftover(self, tags: Tags) -> bool:
        """Check whether a controller of the cluster created a resource with these tags.

        The Load Balancer Controller uses a separate tag. Resources of the stack have the tag of Kubewright.
        """
        created = tags.get(self._tag) == "owned" or tags.get("elbv2.k8s.aws/cluster") == self._cluster
        return created and CLUSTER_TAG not in tags

    def _delete_load_balancers(self) -> None:
        pages = self._elb.get_paginator("describe_load_balancers").paginate()
        names = [item["LoadBalancerName"] for page in pages for item in page["LoadBalancerDescriptions"]]
        for name in self._leftovers(names, self._classic_tags):
            self._elb.delete_load_balancer(LoadBalancerName=name)
            _note(f"deleted the load balancer {name}")
        pages = self._elbv2.get_paginator("describe_load_balancers").paginate()
        arns = [item["LoadBalancerArn"] for page in pages for item in page["LoadBalancers"]]
        for arn in self._leftovers(arns, self._tags_by_arn):
            self._elbv2.delete_load_balancer(LoadBalancerArn=arn)
            _note(f"deleted the load balancer {arn.rpartition('loadbalancer/')[2]}")
        pages = self._elbv2.get_paginator("describe_target_groups").paginate()
        arns = [item["TargetGroupArn"] for page in pages for item in page["TargetGroups"]]
        for arn in self._leftovers(arns, self._tags_by_arn):
            self._release(f"target group {arn}", partial(self._elbv2.delete_target_group, TargetGroupArn=arn))

    def _leftovers(
        self, identities: Iterable[str], tags_of: Callable[[list[str]], dict[str, Tags]]
    ) -> Iterator[str]:
        """Yield the ids of the resources that controllers created."""
        found = list(identities)
        for start in range(0, len(found), _MAX_DESCRIBED):
            for identity, tags in tags_of(found[start : start + _MAX_DESCRIBED]).items():
                if self._is_leftover(tags):
                    yield identity

    def _classic_tags(self, names: list[str]) -> dict[str, Tags]:
        described = self._elb.describe_tags(LoadBalancerNames=names)["TagDescriptions"]
        return {item["LoadBalancerName"]: _tags(item.get("Tags", ())) for item in described}

    def _tags_by_arn(self, arns: list[str]) -> dict[str, Tags]:
        described = self._elbv2.describe_tags(ResourceArns=arns)["TagDescriptions"]
        return {item["ResourceArn"]: _tags(item.get("Tags", ())) for item in described}

    def _delete_security_groups(self) -> None:
        """Delete the security groups of load balancers, and the rules of other groups that refer to them."""
        pages = self._ec2.get_paginator("describe_security_groups").paginate()
        groups = [item for page in pages for item in page["SecurityGroups"]]
        found = {item["GroupId"] for item in groups if self._is_leftover(_tags(item.get("Tags", ())))}
        for group in groups:
            for rule in group.get("IpPermissions", []):
                pairs = [
                    {"GroupId": pair["GroupId"]}
                    for pair in rule.get("UserIdGroupPairs", [])
                    if pair.get("GroupId") in found
                ]
                if pairs:
                    ports = {key: rule[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in rule}
                    revoked: Any = [{**ports, "UserIdGroupPairs": pairs}]
                    self._ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=revoked)
        for identity in sorted(found):
            self._release(
                f"security group {identity}", partial(self._ec2.delete_security_group, GroupId=identity)
            )

    def _release(self, what: str, delete: Callable[[], object]) -> None:
        """Delete a resource as soon as AWS no longer uses it."""
        deadline = time.monotonic() + self._seconds
        while True:
            try:
                delete()
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") not in _IN_USE:
                    raise
                if time.monotonic() > deadline:
                    raise WaitError(f"the {what} is in use after {self._seconds:.0f} s: {error}") from None
                time.sleep(self._interval)
            else:
                _note(f"deleted the {what}")
                return


def _tags(items: Iterable[Any]) -> Tags:
    return {item["Key"]: item["Value"] for item in items}


def _note(text: str) -> None:
    print(f"{PROGRESS}{text}", file=sys.stderr, flush=True)


def parse_arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command line. Print the usage and exit when the command line is invalid."""
    parser = argparse.ArgumentParser(prog="python3 -m providers.aws.leftovers")
    parser.add_argument("--region", required=True)
    parser.add_argument("--cluster", required=True)
    parser.add_argument("--volumes", action="store_true", help="also delete volumes of pods")
    parser.add_argument("--ec2", default=None, help="URL of a private endpoint")
    parser.add_argument("--ca-file", default=None, help="certificate authority of private endpoints")
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    """Run the command line and return the exit code."""
    args = parse_arguments(words)

    def run() -> None:
        config = Config(retries={"max_attempts": 10, "mode": "adaptive"})
        ec2 = boto3.client(
            "ec2",
            args.region,
            endpoint_url=args.ec2,
            verify=args.ca_file if args.ec2 else None,
            config=config,
        )
        elb, elbv2 = (boto3.client(name, args.region, config=config) for name in ("elb", "elbv2"))
        Leftovers(args.cluster, ec2, elb, elbv2).delete(volumes=args.volumes)

    return run_program(run, (ClientError, BotoCoreError, OSError))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
