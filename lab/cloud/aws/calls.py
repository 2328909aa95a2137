"""Requests to AWS as actions and resources of IAM policies, and checks of AWS that moto lacks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from moto.ec2.models import ec2_backends
from moto.iam.models import ManagedPolicy, iam_backends
from moto.s3.models import s3_backends

from lab.cloud.aws.metadata import ACCOUNT
from lab.cloud.aws.signature import Refused
from lab.cloud.running import RunningMachine


@dataclass(frozen=True, slots=True)
class Call:
    """An action on resources (ARNs, or "*" for actions without resources). `form` has the parameters of the
    call.
    """

    action: str
    resources: tuple[str, ...]
    form: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Need:
    """A permission that a call needs: an action on a resource, with the values of condition keys."""

    action: str
    resource: str
    context: Mapping[str, str]


def needs(call: Call, machine: RunningMachine) -> list[Need]:
    """Return all permissions that a call needs, including permissions for encryption keys."""
    found = [Need(call.action, resource, context(resource, machine)) for resource in call.resources]
    use = {"s3:GetObject": "kms:Decrypt", "s3:PutObject": "kms:GenerateDataKey"}.get(call.action)
    if use:
        arn = call.resources[0]
        key = _bucket_key(arn.removeprefix("arn:aws:s3:::").partition("/")[0])
        through = {
            "kms:viaservice": f"s3.{machine.region}.amazonaws.com",
            "kms:encryptioncontext:aws:s3:arn": arn,
        }
        found += [Need(use, key, context(key, machine) | through)] if key else []
    return found


def _bucket_key(bucket: str) -> str:
    """Return the ARN of the encryption key of a bucket, or an empty text."""
    known = s3_backends[ACCOUNT]["aws"].buckets.get(bucket)
    rule = ((known.encryption if known is not None else None) or {}).get("Rule", {})
    return str(rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID", ""))


_OBJECTS = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}


def call(
    service: str, region: str, method: str, path: str, query: Mapping[str, str], form: Mapping[str, str]
) -> Call:
    """Return the action and resources of a request."""
    if service == "s3":
        return _s3_call(method, path, query)
    words = form or query
    action = f"{service}:{words.get('Action', '')}"
    if action in ("ec2:AttachVolume", "ec2:DetachVolume"):
        arn = f"arn:aws:ec2:{region}:{ACCOUNT}"
        kinds = {"volume": words.get("VolumeId", ""), "instance": words.get("InstanceId", "")}
        return Call(action, tuple(f"{arn}:{kind}/{value}" for kind, value in kinds.items()), words)
    if service == "autoscaling" and not action.startswith("autoscaling:Describe"):
        group = words.get("AutoScalingGroupName", "")
        arn = f"arn:aws:autoscaling:{region}:{ACCOUNT}:autoScalingGroup:lab:autoScalingGroupName/{group}"
        return Call(action, (arn,), words)
    return Call(action, ("*",), words)


def _s3_call(method: str, path: str, query: Mapping[str, str]) -> Call:
    bucket, _, key = path.removeprefix("/").partition("/")
    if not key:
        action = "ListBucket" if method in ("GET", "HEAD") else f"{method}Bucket"
        return Call(f"s3:{action}", (f"arn:aws:s3:::{bucket}",), query)
    action = _OBJECTS.get(method, method)
    if "versionId" in query:
        action = action.replace("Object", "ObjectVersion")
    return Call(f"s3:{action}", (f"arn:aws:s3:::{bucket}/{key}",), query)


def policies(role: str) -> list[str]:
    """Return the policy documents of a role, inline and attached."""
    iam = iam_backends[ACCOUNT]["aws"]
    found = [iam.get_role_policy(role, name)[1] for name in iam.list_role_policies(role)]
    attached, _ = iam.list_attached_role_policies(role)
    documents = [*found, *(_default_document(policy) for policy in attached)]
    return [item if isinstance(item, str) else json.dumps(item) for item in documents]


def _default_document(policy: ManagedPolicy) -> str:
    return next(version.document for version in policy.versions if version.is_default)


def context(resource: str, machine: RunningMachine) -> dict[str, str]:
    """Return the values of condition keys: tags of the resource, source machine, TLS."""
    known = {
        "aws:securetransport": "true",
        "aws:principalaccount": ACCOUNT,
        "aws:resourceaccount": ACCOUNT,
        "aws:requestedregion": machine.region,
        "ec2:sourceinstancearn": f"arn:aws:ec2:{machine.region}:{ACCOUNT}:instance/{machine.id}",
        "aws:userid": f"AROALAB:{machine.id}",
    }
    tags: Mapping[str, str] = {}
    if resource.startswith("arn:aws:ec2:"):
        found = _ec2(machine.region).describe_tags({"resource-id": [resource.rpartition("/")[2]]})
        tags = {tag["key"]: tag["value"] for tag in found}
    elif resource.endswith(f"autoScalingGroupName/{machine.group}"):
        tags = machine.group_tags
    for key, value in tags.items():
        for prefix in ("aws:resourcetag", "ec2:resourcetag", "autoscaling:resourcetag"):
            known[f"{prefix}/{key}".lower()] = value
    return known


def check_attach(volume: str, instance: str, device: str) -> None:
    """Raise Refused for a volume that is in use or in another zone, which AWS refuses and moto allows."""
    if not device:
        raise Refused("MissingParameter", "The request must contain the parameter device", 400)
    region = _volume_region(volume)
    found = _ec2(region).volumes[volume]
    if found.attachment is not None:
        raise Refused("VolumeInUse", f"{volume} is already attached to an instance", 400)
    runs = _ec2(region).get_instance(instance)
    if runs.placement.zone != found.zone.name:
        raise Refused("InvalidVolume.ZoneMismatch", f"{volume} is not in the zone of {instance}", 400)


def size(volume: str) -> int:
    """Return the size of a volume in bytes."""
    return int(_ec2(_volume_region(volume)).volumes[volume].size) * 1024**3


def let_go(instances: Iterable[str]) -> None:
    """Detach volumes of machines that have ended."""
    for region in ec2_backends[ACCOUNT].values():
        for volume in region.volumes.values():
            if volume.attachment is not None and volume.attachment.instance.id in instances:
                volume.attachment = None


def _ec2(region: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 — moto's own
    return ec2_backends[ACCOUNT][region]


def _volume_region(volume: str) -> str:
    for name, region in ec2_backends[ACCOUNT].items():
        if volume in region.volumes:
            return name
    raise Refused("InvalidVolume.NotFound", f"The volume '{volume}' does not exist.", 400)
