"""Requests to AWS as actions and resources of IAM policies, and checks of AWS that the library moto lacks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from moto.ec2.models import ec2_backends
from moto.elbv2.models import elbv2_backends
from moto.iam.models import ManagedPolicy, iam_backends
from moto.s3.models import s3_backends

from lab.cloud.aws.metadata import ACCOUNT
from lab.cloud.aws.signature import RequestRefused
from lab.cloud.running import RunningMachine


@dataclass(frozen=True, slots=True)
class Call:
    """An API call: its IAM action on resources (ARNs, or "*" for actions without resources).

    `form` has the parameters of the call.
    """

    action: str
    resources: tuple[str, ...]
    form: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NeededPermission:
    """A permission that an API call needs: an action on a resource, with the values of condition keys."""

    action: str
    resource: str
    context: Mapping[str, str]


def needed_permissions(call: Call, machine: RunningMachine, region: str) -> list[NeededPermission]:
    """Return all permissions that a call to a region needs, including permissions for encryption keys."""
    resources = [resource.replace(OWN_GROUP, machine.group) for resource in call.resources]
    permissions = [
        NeededPermission(call.action, resource, condition_values(resource, machine, region))
        for resource in resources
    ]
    return permissions + _key_permissions(call, region, lambda key: condition_values(key, machine, region))


def permissions_of_role(call: Call, region: str) -> list[NeededPermission]:
    """Return all permissions that a call of a pod with an assumed role needs."""
    values = request_values(region)
    permissions = [NeededPermission(call.action, resource, values) for resource in call.resources]
    return permissions + _key_permissions(call, region, lambda _: values)


def _key_permissions(
    call: Call, region: str, values: Callable[[str], dict[str, str]]
) -> list[NeededPermission]:
    """Return the permission for the encryption key of an object. `values` returns those of condition keys."""
    key_action = {"s3:GetObject": "kms:Decrypt", "s3:PutObject": "kms:GenerateDataKey"}.get(call.action)
    if key_action is None:
        return []
    arn = call.resources[0]
    key = _bucket_key(arn.removeprefix("arn:aws:s3:::").partition("/")[0])
    s3_context = {
        "kms:viaservice": f"s3.{region}.amazonaws.com",
        "kms:encryptioncontext:aws:s3:arn": arn,
    }
    return [NeededPermission(key_action, key, values(key) | s3_context)] if key else []


def _bucket_key(bucket: str) -> str:
    """Return the ARN of the encryption key of a bucket, or an empty text."""
    stored_bucket = s3_backends[ACCOUNT]["aws"].buckets.get(bucket)
    rule = ((stored_bucket.encryption if stored_bucket is not None else None) or {}).get("Rule", {})
    return str(rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID", ""))


_OBJECT_ACTIONS = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}


def parse_call(
    service: str, region: str, method: str, path: str, query: Mapping[str, str], form: Mapping[str, str]
) -> Call:
    """Return the IAM action and the resources of a request to an AWS service."""
    if service == "s3":
        return _s3_call(method, path, query)
    parameters = form or query
    action = f"{service}:{parameters.get('Action', '')}"
    if action in ("ec2:AttachVolume", "ec2:DetachVolume"):
        arn = f"arn:aws:ec2:{region}:{ACCOUNT}"
        kinds = {"volume": parameters.get("VolumeId", ""), "instance": parameters.get("InstanceId", "")}
        return Call(action, tuple(f"{arn}:{kind}/{value}" for kind, value in kinds.items()), parameters)
    if service == "autoscaling" and not action.startswith("autoscaling:Describe"):
        group = parameters.get("AutoScalingGroupName", OWN_GROUP)
        arn = f"arn:aws:autoscaling:{region}:{ACCOUNT}:autoScalingGroup:lab:autoScalingGroupName/{group}"
        return Call(action, (arn,), parameters)
    return Call(action, ("*",), parameters)


OWN_GROUP = "{own-group}"
"""Stands for the group of the calling machine in ARNs of calls that name a machine and no group."""


def _s3_call(method: str, path: str, query: Mapping[str, str]) -> Call:
    bucket, _, key = path.removeprefix("/").partition("/")
    if not key:
        action = "ListBucket" if method in ("GET", "HEAD") else f"{method}Bucket"
        return Call(f"s3:{action}", (f"arn:aws:s3:::{bucket}",), query)
    action = _OBJECT_ACTIONS.get(method, method)
    if "versionId" in query:
        action = action.replace("Object", "ObjectVersion")
    return Call(f"s3:{action}", (f"arn:aws:s3:::{bucket}/{key}",), query)


def role_policies(role: str) -> list[str]:
    """Return the policy documents of a role as JSON, inline and attached."""
    iam = iam_backends[ACCOUNT]["aws"]
    inline = [iam.get_role_policy(role, name)[1] for name in iam.list_role_policies(role)]
    attached, _ = iam.list_attached_role_policies(role)
    documents = [*inline, *(_default_document(policy) for policy in attached)]
    return [item if isinstance(item, str) else json.dumps(item) for item in documents]


def role_boundary(role: str) -> str:
    """Return the permissions boundary of a role as JSON; empty for a role without a boundary."""
    iam = iam_backends[ACCOUNT]["aws"]
    arn = iam.get_role(role).permissions_boundary_arn
    if not arn:
        return ""
    document = _default_document(iam.get_policy(arn))
    return document if isinstance(document, str) else json.dumps(document)


def _default_document(policy: ManagedPolicy) -> str:
    return next(version.document for version in policy.versions if version.is_default)


def request_values(region: str) -> dict[str, str]:
    """Return the values of the condition keys that every request to a region has, by key."""
    return {
        "aws:securetransport": "true",
        "aws:principalaccount": ACCOUNT,
        "aws:resourceaccount": ACCOUNT,
        "aws:requestedregion": region,
    }


def condition_values(resource: str, machine: RunningMachine, region: str) -> dict[str, str]:
    """Return the values of IAM condition keys for a request of a machine to a region, by key."""
    values = request_values(region) | {
        "ec2:sourceinstancearn": f"arn:aws:ec2:{machine.region}:{ACCOUNT}:instance/{machine.id}",
        "aws:userid": f"AROALAB:{machine.id}",
    }
    tags: Mapping[str, str] = {}
    if resource.startswith("arn:aws:ec2:"):
        resource_tags = _ec2(machine.region).describe_tags({"resource-id": [resource.rpartition("/")[2]]})
        tags = {tag["key"]: tag["value"] for tag in resource_tags}
    elif resource.endswith(f"autoScalingGroupName/{machine.group}"):
        tags = machine.group_tags
    for key, value in tags.items():
        for prefix in ("aws:resourcetag", "ec2:resourcetag", "autoscaling:resourcetag"):
            values[f"{prefix}/{key}".lower()] = value
    return values


def check_attachment(volume: str, instance: str, device: str) -> None:
    """Raise RequestRefused if a volume is in use or in another zone than the machine.

    AWS refuses such a request, the library moto accepts it.
    """
    if not device:
        raise RequestRefused("MissingParameter", "The request must contain the parameter device", 400)
    region = _volume_region(volume)
    ec2_volume = _ec2(region).volumes[volume]
    if ec2_volume.attachment is not None:
        raise RequestRefused("VolumeInUse", f"{volume} is already attached to an instance", 400)
    machine = _ec2(region).get_instance(instance)
    if machine.placement.zone != ec2_volume.zone.name:
        raise RequestRefused("InvalidVolume.ZoneMismatch", f"{volume} is not in the zone of {instance}", 400)


def volume_size(volume: str) -> int:
    """Return the size of an EBS volume in bytes."""
    return int(_ec2(_volume_region(volume)).volumes[volume].size) * 1024**3


def detach_volumes(instances: Iterable[str]) -> None:
    """Detach the volumes of terminated machines. `instances` are the ids of the machines."""
    for region in ec2_backends[ACCOUNT].values():
        for volume in region.volumes.values():
            if volume.attachment is not None and volume.attachment.instance.id in instances:
                volume.attachment = None


def registered_targets() -> list[str]:
    """Return the addresses in all target groups of the account."""
    groups = [group for region in elbv2_backends[ACCOUNT].values() for group in region.target_groups.values()]
    return sorted({str(target) for group in groups for target in group.targets})


def _ec2(region: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 — moto's own
    return ec2_backends[ACCOUNT][region]


def _volume_region(volume: str) -> str:
    for name, region in ec2_backends[ACCOUNT].items():
        if volume in region.volumes:
            return name
    raise RequestRefused("InvalidVolume.NotFound", f"The volume '{volume}' does not exist.", 400)
