"""Settings of IAM roles for pods on AWS."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from settings.base import Section
from settings.pod_identities import PodIdentitySettings
from settings.types import Name

# "Bucket naming rules" in the S3 user guide. Names with dots do not match the wildcard certificate of S3.
_BUCKET = re.compile(r"(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9][a-z0-9-]{1,61}[a-z0-9](?<!-s3alias)(?<!--x-s3)")
_POLICY = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[\w+=,.@/-]+")
_RESOURCE = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9*-]*:([0-9]{12}|aws|\*)?:\S+")
_ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9*?]+")
_STORE_PREFIX = "kubewright-"


def _validate_bucket(text: str) -> str:
    if not _BUCKET.fullmatch(text):
        raise ValueError(
            "not the name of a bucket for an issuer; allowed: 3 to 63 of a-z, 0-9 and -, such as "
            "example-prod-issuer"
        )
    if text.startswith(_STORE_PREFIX):
        raise ValueError("begins with kubewright-, as the buckets of stores; choose another name")
    return text


def _validate_policy(text: str) -> str:
    if not _POLICY.fullmatch(text):
        raise ValueError(
            "not the ARN of an IAM policy; allowed: arn:aws:iam::<account>:policy/<name>, or "
            "arn:aws:iam::aws:policy/<name> for a policy of AWS"
        )
    return text


def _validate_action(text: str) -> str:
    if not _ACTION.fullmatch(text):
        raise ValueError("not an IAM action; allowed: <service>:<Action>, such as s3:GetObject")
    return text


def _validate_resource(text: str) -> str:
    if text != "*" and not _RESOURCE.fullmatch(text):
        raise ValueError("not an ARN; allowed: an ARN such as arn:aws:s3:::example/*, or * for all resources")
    return text


class AwsPermissionSettings(Section):
    """Actions on resources that a role of pods allows."""

    actions: tuple[Annotated[str, AfterValidator(_validate_action)], ...] = Field(min_length=1)
    """IAM actions, such as `s3:GetObject`."""
    resources: tuple[Annotated[str, AfterValidator(_validate_resource)], ...] = Field(min_length=1)
    """ARNs of the resources."""


class AwsPodRoleSettings(PodIdentitySettings):
    """An IAM role for the pods of service accounts."""

    policies: tuple[Annotated[str, AfterValidator(_validate_policy)], ...] = ()
    """ARNs of existing IAM policies that are attached to the role."""
    allow: tuple[AwsPermissionSettings, ...] = ()
    """Permissions of the role, in addition to its policies."""


class AwsPodIdentitySettings(Section):
    """IAM roles for pods. Tokens of service accounts get the issuer that the bucket publishes."""

    issuer_bucket: Annotated[str, AfterValidator(_validate_bucket)]
    """Name of the bucket for the documents of the issuer, which are public; the bucket is created."""
    roles: dict[Name, AwsPodRoleSettings] = Field(default_factory=dict)
    """IAM roles by name; required."""
