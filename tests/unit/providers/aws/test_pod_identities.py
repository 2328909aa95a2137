"""Tests of IAM roles for pods: the issuer in its bucket, trust policies, and what pods receive."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

import pytest

from policy.rules import table
from policy.rules.model import Resource
from providers.aws import limits
from providers.aws.exposure import publishes_only_issuer
from tests.unit.components.certificates import CertificatePluginMocks
from tests.unit.components.graph import PUBLIC_KEY_ID, Graph, Json
from tests.unit.policy.checks import FACTS
from tests.unit.providers.aws.program import (
    ACCOUNT,
    ISSUER_BUCKET,
    POD_ROLES,
    AwsPlugins,
    example_settings,
    graph,
    inputs_of,
    with_pod_roles,
)
from tests.unit.providers.program import ExampleStack, section

HOST = f"{ISSUER_BUCKET}.s3.eu-central-1.amazonaws.com"
JWKS = f"https://{HOST}/openid/v1/jwks"
OLD_ISSUER = "https://kubernetes.default.svc.cluster.local"
POLICY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


class PluginsWithKeys(AwsPlugins, CertificatePluginMocks):
    """Mocks of the AWS plugin, with real keys."""


@pytest.fixture(scope="module")
def pods() -> Graph:
    return graph(with_pod_roles)


def new_resources(resources: Graph) -> set[tuple[str, str]]:
    return resources.names - graph().names


def statements(policy: object) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], json.loads(str(policy))["Statement"])


class TestIssuer:
    def test_documents_are_published_below_the_url_of_the_issuer(self, pods: Graph) -> None:
        discovery, keys = (inputs_of(pods, f"aws-pods-{name}") for name in ("discovery", "keys"))
        assert (discovery["bucket"], discovery["key"]) == (ISSUER_BUCKET, ".well-known/openid-configuration")
        document = json.loads(discovery["content"])
        assert document["issuer"] == f"https://{HOST}" == inputs_of(pods, "aws-pods-issuer")["url"]
        assert document["jwks_uri"] == f"https://{HOST}/{keys['key']}"
        assert [key["kid"] for key in json.loads(keys["content"])["keys"]] == [PUBLIC_KEY_ID]
        assert {discovery["contentType"], keys["contentType"]} == {"application/json"}

    def test_discovery_document_names_the_algorithms_of_all_keys(self) -> None:
        def with_rsa_key(cluster: Json) -> None:
            with_pod_roles(cluster)
            cluster["certificates"] = {"service_account": {"rsa_from": 1}}

        rsa = ExampleStack("aws-example", PluginsWithKeys).graph(with_rsa_key)
        document = json.loads(inputs_of(rsa, "aws-pods-discovery")["content"])
        keys = json.loads(inputs_of(rsa, "aws-pods-keys")["content"])["keys"]
        assert document["id_token_signing_alg_values_supported"] == ["RS256"]
        assert [key["alg"] for key in keys] == ["RS256"]

    def test_everyone_reads_exactly_the_two_documents_by_tls(self, pods: Graph) -> None:
        allowed, denied = statements(inputs_of(pods, "aws-pods-policy")["policy"])
        assert (allowed["Effect"], allowed["Principal"], allowed["Action"]) == ("Allow", "*", "s3:GetObject")
        published = {
            f"arn:aws:s3:::{ISSUER_BUCKET}/{inputs_of(pods, f'aws-pods-{name}')['key']}"
            for name in ("discovery", "keys")
        }
        assert set(allowed["Resource"]) == published
        assert denied["Effect"] == "Deny"
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def test_the_bucket_blocks_access_lists_but_no_policy(self, pods: Graph) -> None:
        access = inputs_of(pods, "aws-pods-access")
        blocks = {key: access[key] for key in access if key != "bucket"}
        assert blocks == {
            "blockPublicAcls": True,
            "ignorePublicAcls": True,
            "blockPublicPolicy": False,
            "restrictPublicBuckets": False,
        }

    def test_documents_exist_before_iam_reads_them(self, pods: Graph) -> None:
        before = pods.dependencies(pods.node("aws-pods-issuer"))
        assert {"aws-pods-discovery", "aws-pods-keys", "aws-pods-policy", "aws-pods-access"} <= before

    def test_api_servers_issue_tokens_of_the_published_issuer(self, pods: Graph) -> None:
        [script] = [
            node.text("content")
            for node in pods.of_type(":BucketObjectv2")
            if node.inputs["key"] == "members/control-plane/cp-1/control-plane.sh"
        ]
        flags = [line for line in script.splitlines() if "--service-account-" in line]
        assert [line for line in flags if f"--service-account-issuer=https://{HOST}" in line]
        assert [line for line in flags if f"--service-account-jwks-uri=https://{HOST}/openid/v1/jwks" in line]
        assert "kubernetes.default.svc" not in " ".join(flags)


class TestIssuerOfARunningCluster:
    """The three steps in which the issuer changes (docs/api-server.md)."""

    @pytest.mark.parametrize(
        ("section_of_api", "issuers", "jwks_uri"),
        [
            ({"url": OLD_ISSUER, "accepted": [f"https://{HOST}"]}, (OLD_ISSUER, f"https://{HOST}"), ""),
            ({"url": f"https://{HOST}", "accepted": [OLD_ISSUER]}, (f"https://{HOST}", OLD_ISSUER), JWKS),
            ({"url": f"https://{HOST}"}, (f"https://{HOST}",), JWKS),
            (None, (f"https://{HOST}",), JWKS),
        ],
        ids=["accepted", "issued", "alone", "by default"],
    )
    def test_api_servers_know_both_issuers_until_the_last_step(
        self, section_of_api: Json | None, issuers: tuple[str, ...], jwks_uri: str
    ) -> None:
        def edit(cluster: Json) -> None:
            with_pod_roles(cluster)
            if section_of_api:
                cluster["api"] = {"service_account_issuer": section_of_api}

        options = example_settings(edit)[2].control_plane
        assert (options.service_account_issuers, options.jwks_uri) == (issuers, jwks_uri)


class TestRoles:
    def test_only_the_service_accounts_may_assume_a_role(self, pods: Graph) -> None:
        [statement] = statements(inputs_of(pods, "aws-pods-reader-role")["assumeRolePolicy"])
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert statement["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"}
        assert statement["Condition"] == {
            "StringEquals": {
                f"{HOST}:aud": "sts.amazonaws.com",
                f"{HOST}:sub": [
                    "system:serviceaccount:web:reader",
                    "system:serviceaccount:jobs:reader",
                ],
            }
        }

    def test_a_role_has_the_permissions_of_the_settings(self, pods: Graph) -> None:
        inline = inputs_of(pods, "aws-pods-reader-permissions")
        assert statements(inline["policy"]) == [
            {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::example/reader/*"]}
        ]
        attached = inputs_of(pods, "aws-pods-auditor-aws-AmazonS3ReadOnlyAccess")
        assert attached["policyArn"] == POLICY
        names = {name for _, name in pods.names}
        assert "aws-pods-auditor-permissions" not in names

    def test_pods_receive_the_variables_and_the_token_that_sdks_read(self, pods: Graph) -> None:
        spec = inputs_of(pods, "pod-identities-reader-policy")["spec"]
        [variable] = spec["variables"]
        environment = {item["name"]: item["value"] for item in json.loads(variable["expression"])}
        path = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
        assert environment == {
            "AWS_ROLE_ARN": f"arn:aws:mock:eu-central-1:{ACCOUNT}:aws-pods-reader-role",
            "AWS_WEB_IDENTITY_TOKEN_FILE": f"{path}/token",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_STS_REGIONAL_ENDPOINTS": "regional",
        }
        patches = " ".join(item["jsonPatch"]["expression"] for item in spec["mutations"])
        assert 'name: "aws-iam-token"' in patches
        assert 'audience: "sts.amazonaws.com"' in patches
        assert f'mountPath: "{path}"' in patches

    def test_releases_wait_for_the_policies(self) -> None:
        def edit(cluster: Json) -> None:
            with_pod_roles(cluster)
            cluster["helm_releases"] = {"hello": {"chart": "./lab/charts/hello"}}

        resources = graph(edit)
        assert "pod-identities-reader-binding" in resources.dependencies(resources.node("helm-hello"))

    def test_without_the_setting_nothing_is_created(self) -> None:
        kinds = {kind for kind, _ in graph().names}
        assert not {kind for kind in kinds if "OpenIdConnect" in kind or "MutatingAdmission" in kind}


class TestLimits:
    @pytest.mark.parametrize(
        ("name", "role", "problem"),
        [
            ("r" * 40, POD_ROLES["auditor"], "its name in IAM, aws-example-pod-rrr"),
            (
                "reader",
                {"service_accounts": [f"web/account-{number}" for number in range(60)], "policies": [POLICY]},
                "characters long, over 2048; divide them among several roles",
            ),
            (
                "reader",
                {
                    "service_accounts": ["web/reader"],
                    "allow": [
                        {
                            "actions": ["s3:GetObject"],
                            "resources": [f"arn:aws:s3:::example-{number}/*" for number in range(400)],
                        }
                    ],
                },
                "characters as a policy, over 10240; use policies of your own instead",
            ),
        ],
    )
    def test_roles_that_iam_would_refuse(self, name: str, role: Json, problem: str) -> None:
        def edit(cluster: Json) -> None:
            roles = {name: role}
            section(cluster, "aws")["pod_identities"] = cast(
                Json, {"issuer_bucket": ISSUER_BUCKET, "roles": roles}
            )

        [found] = limits.problems(*example_settings(edit))
        assert problem in str(found)

    def test_the_roles_of_these_tests_fit(self) -> None:
        assert limits.problems(*example_settings(with_pod_roles)) == []


class TestPolicyRules:
    def test_the_issuer_is_the_only_public_store(self, pods: Graph) -> None:
        def messages(issuer_store: str) -> set[str]:
            facts = replace(FACTS, cluster="aws-example", issuer_store=issuer_store)
            found = [
                violation
                for kind, name in new_resources(pods)
                for violation in table.check_resource(_resource(pods, name), facts)
                if kind.startswith("aws:s3/")
            ]
            return {violation.message for violation in found if violation.rule == "no-public-store"}

        assert messages(ISSUER_BUCKET) == set()
        assert len(messages("")) == len(messages("another-bucket")) == 3

    @pytest.mark.parametrize(
        "change",
        [
            {"Action": "s3:*"},
            {"Action": ["s3:GetObject", "s3:ListBucket"]},
            {"Resource": f"arn:aws:s3:::{ISSUER_BUCKET}/*"},
            {"Resource": "*"},
            {"Resource": []},
            {
                "Resource": [
                    f"arn:aws:s3:::{ISSUER_BUCKET}/openid/v1/jwks",
                    "arn:aws:s3:::other/openid/v1/jwks",
                ]
            },
        ],
        ids=lambda change: json.dumps(change),
    )
    def test_a_wider_policy_of_the_issuer_is_a_violation(self, pods: Graph, change: Json) -> None:
        kind, inputs = "aws:s3/bucketPolicy:BucketPolicy", inputs_of(pods, "aws-pods-policy")
        assert publishes_only_issuer(kind, inputs, ISSUER_BUCKET)
        allowed, denied = statements(inputs["policy"])
        wider = {**inputs, "policy": json.dumps({"Statement": [{**allowed, **change}, denied]})}
        assert not publishes_only_issuer(kind, wider, ISSUER_BUCKET)

    def test_public_access_lists_of_the_issuer_are_a_violation(self, pods: Graph) -> None:
        kind = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
        inputs = inputs_of(pods, "aws-pods-access")
        assert publishes_only_issuer(kind, inputs, ISSUER_BUCKET)
        assert not publishes_only_issuer(kind, {**inputs, "blockPublicAcls": False}, ISSUER_BUCKET)
        assert not publishes_only_issuer(
            "aws:s3/bucketAcl:BucketAcl", {"bucket": ISSUER_BUCKET}, ISSUER_BUCKET
        )


def _resource(resources: Graph, name: str) -> Resource:
    node = resources.node(name)
    return Resource(type=node.type, urn=node.urn, inputs=node.inputs)
