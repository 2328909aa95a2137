"""The documents of IAM roles for pods, and checks of their limits. Imports no SDK."""

from __future__ import annotations

import json
from collections.abc import Iterable

from providers.aws.names import Names
from providers.aws.policies import only_by_tls
from settings.aws import AwsSettings
from settings.aws_pod_identities import AwsPodRoleSettings
from settings.problem import Problem
from topology.service_account_tokens import PUBLIC_DOCUMENTS

AUDIENCE = "sts.amazonaws.com"
"""The audience of tokens for AWS, as the SDKs expect."""
MAX_TRUST_CHARACTERS = 2_048
"""Maximum size of a role's trust policy (IAM and STS quotas, default)."""


def role_suffix(role: str) -> str:
    """Return the part of the role's name in IAM that follows the name of the cluster."""
    return f"pod-{role}"


def issuer_host(issuer: str) -> str:
    """Return the name by which IAM knows an issuer: its URL without the scheme."""
    return issuer.removeprefix("https://")


def trust_of_pods(names: Names, account: str, issuer: str, service_accounts: Iterable[str]) -> str:
    """Return the trust policy of a role for pods of these service accounts, as JSON.

    The conditions on `sub` and `aud` are both necessary: with only one of them, any pod of the cluster, or a
    token for another program, could assume the role.
    """
    host = issuer_host(issuer)
    subjects = [f"system:serviceaccount:{pods.replace('/', ':')}" for pods in service_accounts]
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:{names.partition}:iam::{account}:oidc-provider/{host}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{host}:aud": AUDIENCE, f"{host}:sub": subjects}},
    }
    return _to_json([statement])


def permissions_of_pods(role: AwsPodRoleSettings) -> str:
    """Return the inline policy with the permissions in the settings of a role, as JSON."""
    return _to_json(
        [
            {"Effect": "Allow", "Action": list(item.actions), "Resource": list(item.resources)}
            for item in role.allow
        ]
    )


def issuer_bucket_policy(bucket: str) -> str:
    """Return the policy of the issuer's bucket (ARN): its two documents are public, by TLS only."""
    public = {
        "Sid": "PublicDocuments",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": [f"{bucket}/{key}" for key in PUBLIC_DOCUMENTS],
    }
    return _to_json([public, only_by_tls(bucket)])


def pod_role_problems(aws: AwsSettings, names: Names, *, max_role: int, max_inline: int) -> Iterable[Problem]:
    """Yield a problem for each role that IAM would refuse because of its size.

    `max_role` is the maximum length of a role's name, `max_inline` that of its inline policies together.
    """
    issuer = aws.token_issuer
    roles = aws.pod_identities.roles if aws.pod_identities else {}
    for key, role in roles.items():
        path = f"aws.pod_identities.roles.{key}"
        name = names.role_name(role_suffix(key))
        if len(name) > max_role:
            yield Problem(
                path, "", f"its name in IAM, {name}, has {len(name)} characters, over {max_role}; shorten it"
            )
        if (size := len(permissions_of_pods(role))) > max_inline:
            yield Problem(
                f"{path}.allow",
                "",
                f"has {size} characters as a policy, over {max_inline}; use policies of your own instead",
            )
        size = len(trust_of_pods(names, "0" * 12, issuer or "", role.service_accounts))
        if size > MAX_TRUST_CHARACTERS:
            yield Problem(
                f"{path}.service_accounts",
                "",
                f"make the trust policy {size} characters long, over {MAX_TRUST_CHARACTERS}; divide them "
                "among several roles",
            )


def _to_json(statements: Iterable[object]) -> str:
    """Return a policy as JSON on one line, because IAM limits the number of characters."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, separators=(",", ":"))
