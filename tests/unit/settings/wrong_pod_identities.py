"""Invalid settings of identities of pods in clouds."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import InvalidSettings, with_edits
from tests.unit.settings.wrong_clouds import AWS

_POLICY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
_READER: dict[str, Any] = {"service_accounts": ["web/reader"], "policies": [_POLICY]}
_ISSUER = "https://example-issuer.s3.eu-central-1.amazonaws.com"
_AWS_PODS = with_edits(
    AWS, {"aws.pod_identities": {"issuer_bucket": "example-issuer", "roles": {"reader": _READER}}}
)
_ROLE = "aws.pod_identities.roles.reader"
_BUCKET = "aws.pod_identities.issuer_bucket"


def _allow(action: str, resource: str) -> list[dict[str, Any]]:
    return [{"actions": [action], "resources": [resource]}]


POD_IDENTITIES = (
    InvalidSettings(
        f"{_ROLE}.service_accounts[0]",
        '"reader": not a service account; allowed: NAMESPACE/NAME',
        {f"{_ROLE}.service_accounts": ["reader"]},
        _AWS_PODS,
    ),
    InvalidSettings(
        f"{_ROLE}.service_accounts[0]",
        '"Web/reader": not a service account',
        {f"{_ROLE}.service_accounts": ["Web/reader"]},
        _AWS_PODS,
    ),
    InvalidSettings(
        f"{_ROLE}.service_accounts",
        "must have at least 1 entry",
        {f"{_ROLE}.service_accounts": []},
        _AWS_PODS,
    ),
    InvalidSettings(
        f"{_ROLE}.service_accounts[1]",
        '"web/reader": named twice; remove one',
        {f"{_ROLE}.service_accounts": ["web/reader", "web/reader"]},
        _AWS_PODS,
    ),
    InvalidSettings(
        "aws.pod_identities.roles.writer.service_accounts[0]",
        '"web/reader": has the identity reader, and a pod has only one',
        {"aws.pod_identities.roles.writer": _READER},
        _AWS_PODS,
    ),
    InvalidSettings(_ROLE, "allows nothing; add policies or allow", {f"{_ROLE}.policies": []}, _AWS_PODS),
    InvalidSettings(
        f"{_ROLE}.policies[0]",
        "not the ARN of an IAM policy; allowed",
        {f"{_ROLE}.policies": ["AmazonS3ReadOnlyAccess"]},
        _AWS_PODS,
    ),
    InvalidSettings(
        f"{_ROLE}.policies[1]", "attached twice", {f"{_ROLE}.policies": [_POLICY, _POLICY]}, _AWS_PODS
    ),
    InvalidSettings(
        f"{_ROLE}.policies",
        "has 11 policies, and IAM attaches at most 10",
        {f"{_ROLE}.policies": [f"{_POLICY}{number}" for number in range(11)]},
        _AWS_PODS,
    ),
    InvalidSettings(
        f"{_ROLE}.policies[0]",
        "ARNs there begin with arn:aws:",
        {f"{_ROLE}.policies": ["arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess"]},
        _AWS_PODS,
    ),
    InvalidSettings(
        f"{_ROLE}.allow[0].resources[0]",
        "not in the partition of aws.region",
        {f"{_ROLE}.allow": _allow("s3:GetObject", "arn:aws-cn:s3:::example/*")},
        _AWS_PODS,
    ),
    InvalidSettings(
        f"{_ROLE}.allow[0].actions[0]",
        '"GetObject": not an IAM action; allowed: <service>:<Action>',
        {f"{_ROLE}.allow": _allow("GetObject", "*")},
        _AWS_PODS,
    ),
    InvalidSettings(
        f"{_ROLE}.allow[0].actions[0]",
        '"*": not an IAM action',
        {f"{_ROLE}.allow": _allow("*", "*")},
        _AWS_PODS,
    ),
    InvalidSettings(
        f"{_ROLE}.allow[0].resources[0]",
        '"example/*": not an ARN; allowed: an ARN such as',
        {f"{_ROLE}.allow": _allow("s3:GetObject", "example/*")},
        _AWS_PODS,
    ),
    InvalidSettings(
        "aws.pod_identities.roles",
        "missing; add a role, or remove aws.pod_identities",
        {"aws.pod_identities.roles": {}},
        _AWS_PODS,
    ),
    InvalidSettings(_BUCKET, '"Issuer": not the name of a bucket', {_BUCKET: "Issuer"}, _AWS_PODS),
    InvalidSettings(_BUCKET, '"a.issuer": not the name of a bucket', {_BUCKET: "a.issuer"}, _AWS_PODS),
    InvalidSettings(
        _BUCKET,
        "begins with kubewright-, as the buckets of stores",
        {_BUCKET: "kubewright-issuer"},
        _AWS_PODS,
    ),
    InvalidSettings(
        "aws.pod_identities",
        "needs Kubernetes 1.36 or later, while kubernetes.version is 1.35.6",
        {"kubernetes.version": "1.35.6"},
        _AWS_PODS,
    ),
    InvalidSettings(
        "api.service_account_issuer",
        f"does not have the issuer of aws.pod_identities; set url to {_ISSUER}",
        {"api.service_account_issuer": {"url": "https://tokens.example.com"}},
        _AWS_PODS,
    ),
    InvalidSettings(
        "api.service_account_issuer.jwks_uri",
        "not the URL of the keys that aws.pod_identities publishes; remove it",
        {"api.service_account_issuer": {"url": _ISSUER, "jwks_uri": "https://tokens.example.com/jwks"}},
        _AWS_PODS,
    ),
    InvalidSettings(
        "api.oidc.corp.url",
        f'"{_ISSUER}": is an issuer of service account tokens',
        {
            "api.oidc.corp": {
                "url": _ISSUER,
                "audiences": ["kubernetes"],
                "username": {"claim": "sub", "prefix": "corp:"},
            }
        },
        _AWS_PODS,
    ),
)
