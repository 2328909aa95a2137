"""IAM roles for pods: the issuer of service account tokens in a bucket, its provider in IAM, the roles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Output, Resource, ResourceOptions
from pulumi_aws import iam, s3

from components.addons.pod_identities import PodIdentity, TokenVolume
from providers.aws.names import Names
from providers.aws.pod_roles import (
    AUDIENCE,
    issuer_bucket_policy,
    permissions_of_pods,
    role_suffix,
    trust_of_pods,
)
from providers.cloud.issuer_documents import discovery_document, key_set, signing_algorithms
from settings.aws_pod_identities import AwsPodIdentitySettings, AwsPodRoleSettings
from topology.service_account_tokens import PUBLIC_DOCUMENTS

# Names and path of the webhook of upstream (aws/amazon-eks-pod-identity-webhook), which programs may know.
_VOLUME = TokenVolume(
    name="aws-iam-token",
    audience=AUDIENCE,
    path="/var/run/secrets/eks.amazonaws.com/serviceaccount",
    file="token",
)


@dataclass(frozen=True, kw_only=True)
class PodIdentityArgs:
    """Arguments of the roles for pods.

    `account` is the account number, `issuer` the URL of the issuer. `keys` verify service account tokens, as
    PEM texts.
    """

    names: Names
    account: Output[str]
    issuer: str
    keys: Output[str]
    settings: AwsPodIdentitySettings


class AwsPodIdentities(ComponentResource):
    """The issuer and the roles. `identities` are what pods of the service accounts receive."""

    identities: Sequence[PodIdentity]

    def __init__(self, name: str, args: PodIdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:PodIdentities", name, None, opts)
        self._name, self._args = name, args
        self._child = ResourceOptions(parent=self)
        documents = self._publish_issuer()
        # IAM reads the documents when it creates the provider.
        issuer = iam.OpenIdConnectProvider(
            f"{name}-issuer",
            url=args.issuer,
            client_id_lists=[AUDIENCE],
            tags=args.names.resource_tags("issuer"),
            opts=ResourceOptions(parent=self, depends_on=documents),
        )
        self.identities = [
            self._create_identity(key, role, issuer) for key, role in args.settings.roles.items()
        ]
        self.register_outputs({})

    def _publish_issuer(self) -> list[Resource]:
        """Create the bucket with the documents of the issuer; return the documents."""
        settings, issuer, keys = self._create_bucket(), self._args.issuer, self._args.keys
        contents = (
            keys.apply(lambda pems: discovery_document(issuer, signing_algorithms(pems))),
            keys.apply(key_set),
        )
        return [
            s3.BucketObjectv2(
                f"{self._name}-{document}",
                bucket=self._args.settings.issuer_bucket,
                key=key,
                content=content,
                content_type="application/json",
                opts=ResourceOptions(parent=self, depends_on=settings),
            )
            for document, key, content in zip(("discovery", "keys"), PUBLIC_DOCUMENTS, contents, strict=True)
        ]

    def _create_bucket(self) -> list[Resource]:
        """Create the bucket, whose two documents are public; return its last settings.

        The settings name the bucket by the text in the stack file, so that policies can compare it before the
        bucket exists.
        """
        name = self._args.settings.issuer_bucket
        tags = self._args.names.resource_tags("issuer")
        bucket = s3.Bucket(f"{self._name}-bucket", bucket=name, tags=tags, opts=self._child)
        after_bucket = ResourceOptions(parent=self, depends_on=[bucket])
        by_default = s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
            # KMS would refuse the anonymous readers.
            sse_algorithm="AES256"
        )
        rule = s3.BucketServerSideEncryptionConfigurationRuleArgs(
            apply_server_side_encryption_by_default=by_default
        )
        encryption = s3.BucketServerSideEncryptionConfiguration(
            f"{self._name}-encryption", bucket=name, rules=[rule], opts=after_bucket
        )
        access = s3.BucketPublicAccessBlock(
            f"{self._name}-access",
            bucket=name,
            block_public_acls=True,
            ignore_public_acls=True,
            # The policy of the bucket makes the two documents public.
            block_public_policy=False,
            restrict_public_buckets=False,
            opts=after_bucket,
        )
        policy = s3.BucketPolicy(
            f"{self._name}-policy",
            bucket=name,
            policy=issuer_bucket_policy(f"arn:{self._args.names.partition}:s3:::{name}"),
            opts=ResourceOptions(parent=self, depends_on=[access]),
        )
        return [encryption, policy]

    def _create_identity(self, key: str, settings: AwsPodRoleSettings, issuer: Resource) -> PodIdentity:
        args, suffix = self._args, role_suffix(key)
        role = iam.Role(
            f"{self._name}-{key}-role",
            name=args.names.role_name(suffix),
            description=f"Pods: {key}",
            assume_role_policy=args.account.apply(
                lambda account: trust_of_pods(args.names, account, args.issuer, settings.service_accounts)
            ),
            permissions_boundary=args.names.boundary or None,
            tags=args.names.resource_tags(suffix),
            opts=ResourceOptions(parent=self, depends_on=[issuer]),
        )
        if settings.allow:
            iam.RolePolicy(
                f"{self._name}-{key}-permissions",
                name="permissions",
                role=role.id,
                policy=permissions_of_pods(settings),
                opts=self._child,
            )
        for policy in settings.policies:
            iam.RolePolicyAttachment(
                f"{self._name}-{key}-{policy.partition(':iam::')[2].replace(':policy/', '-')}",
                role=role.name,
                policy_arn=policy,
                opts=self._child,
            )
        return PodIdentity(
            name=key,
            service_accounts=settings.service_accounts,
            environment={
                "AWS_ROLE_ARN": role.arn,
                "AWS_WEB_IDENTITY_TOKEN_FILE": f"{_VOLUME.path}/{_VOLUME.file}",
                "AWS_REGION": args.names.region,
                "AWS_DEFAULT_REGION": args.names.region,
                "AWS_STS_REGIONAL_ENDPOINTS": "regional",
            },
            volume=_VOLUME,
        )
