"""Identities of pods in a cloud: admission policies that give pods a token file and environment variables.

The policies need no webhook server. Kubernetes has them from 1.36 on (MutatingAdmissionPolicy).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_kubernetes.admissionregistration.v1 import (
    JSONPatchArgs,
    MatchConditionArgs,
    MatchResourcesArgs,
    MutatingAdmissionPolicy,
    MutatingAdmissionPolicyBinding,
    MutatingAdmissionPolicyBindingSpecArgs,
    MutatingAdmissionPolicySpecArgs,
    MutationArgs,
    NamedRuleWithOperationsArgs,
    VariableArgs,
)
from pulumi_kubernetes.meta.v1 import (
    LabelSelectorArgs,
    LabelSelectorRequirementArgs,
    ObjectMetaArgs,
)

from components.addons.pod_identity_expressions import (
    add_to_containers,
    add_volume,
    cel,
    has_service_account,
    is_no_mirror_pod,
)
from components.api import Api

_NAMESPACE_LABEL = "kubernetes.io/metadata.name"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenVolume:
    """The volume with the token of a pod.

    `audience` is the claim `aud` of the token. `file` is the name of the token's file below `path`, an
    absolute path in containers. The kubelet renews the token before `seconds` have passed.
    """

    name: str
    audience: str
    path: str
    file: str
    seconds: int = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class PodIdentity:
    """An identity in a cloud for the pods of service accounts, each written as `NAMESPACE/NAME`.

    `environment` are environment variables of all containers, by which the SDKs of the cloud find the
    identity. Containers keep variables of these names that they already have.
    """

    name: str
    service_accounts: tuple[str, ...]
    environment: Mapping[str, Input[str]]
    volume: TokenVolume


@dataclass(frozen=True, kw_only=True)
class PodIdentitiesArgs:
    """Arguments of `PodIdentities`."""

    api: Api
    identities: Sequence[PodIdentity]


class PodIdentities(ComponentResource):
    """An admission policy with its binding for each identity.

    API servers change new pods only. Existing pods receive an identity when their owner replaces them.
    """

    def __init__(self, name: str, args: PodIdentitiesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:PodIdentities", name, None, opts)
        for identity in args.identities:
            metadata = ObjectMetaArgs(name=f"kubewright-pod-identity-{identity.name}")
            policy = MutatingAdmissionPolicy(
                f"{name}-{identity.name}-policy",
                metadata=metadata,
                spec=_policy(identity),
                opts=args.api.options(self),
            )
            MutatingAdmissionPolicyBinding(
                f"{name}-{identity.name}-binding",
                metadata=metadata,
                spec=MutatingAdmissionPolicyBindingSpecArgs(policy_name=metadata.name),
                opts=args.api.options(self, depends_on=[policy]),
            )
        self.register_outputs({})


def _policy(identity: PodIdentity) -> MutatingAdmissionPolicySpecArgs:
    """Return the policy of an identity. Each mutation adds only what a pod lacks."""
    volume = identity.volume
    environment: Output[str] = Output.from_input(dict(identity.environment)).apply(
        lambda variables: cel([{"name": key, "value": value} for key, value in variables.items()])
    )
    mutations = [
        add_volume(volume.name, volume.audience, volume.file, volume.seconds),
        *(
            add_to_containers(containers, volume.name, volume.path)
            for containers in ("initContainers", "containers")
        ),
    ]
    return MutatingAdmissionPolicySpecArgs(
        # A pod without its identity would fail later, in a way that is harder to explain.
        failure_policy="Fail",
        # Containers that another policy or webhook adds later receive the identity too.
        reinvocation_policy="IfNeeded",
        match_constraints=_pods_in({account.split("/")[0] for account in identity.service_accounts}),
        match_conditions=[
            MatchConditionArgs(
                name="service-account", expression=has_service_account(identity.service_accounts)
            ),
            MatchConditionArgs(name="no-mirror-pod", expression=is_no_mirror_pod()),
        ],
        variables=[VariableArgs(name="environment", expression=environment)],
        mutations=[
            MutationArgs(patch_type="JSONPatch", json_patch=JSONPatchArgs(expression=expression))
            for expression in mutations
        ],
    )


def _pods_in(namespaces: set[str]) -> MatchResourcesArgs:
    """Return the constraint for new pods in namespaces, so that a failure concerns no other namespace."""
    in_namespaces = LabelSelectorRequirementArgs(
        key=_NAMESPACE_LABEL, operator="In", values=sorted(namespaces)
    )
    new_pods = NamedRuleWithOperationsArgs(
        api_groups=[""], api_versions=["v1"], operations=["CREATE"], resources=["pods"]
    )
    return MatchResourcesArgs(
        namespace_selector=LabelSelectorArgs(match_expressions=[in_namespaces]), resource_rules=[new_pods]
    )
