"""A warning for users who create a NetworkPolicy in a cluster that does not enforce network policies [G3]."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, ResourceOptions
from pulumi_kubernetes.admissionregistration.v1 import (
    MatchResourcesArgs,
    NamedRuleWithOperationsArgs,
    ValidatingAdmissionPolicySpecArgs,
    ValidationArgs,
)

from components.addons.validating_policy import create_validating_policy
from components.api import Api

_NAME = "kubewright-ineffective-network-policies"
_MESSAGE = (
    "this cluster does not enforce network policies, so the object has no effect; its administrator can set "
    "network.policies: enforced"
)


@dataclass(frozen=True, kw_only=True)
class IneffectivePoliciesArgs:
    """Arguments of `IneffectivePolicies`."""

    api: Api


class IneffectivePolicies(ComponentResource):
    """An admission policy that accepts each NetworkPolicy and answers with a warning for its author."""

    def __init__(self, name: str, args: IneffectivePoliciesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:IneffectivePolicies", name, None, opts)
        network_policies = NamedRuleWithOperationsArgs(
            api_groups=["networking.k8s.io"],
            api_versions=["v1"],
            operations=["CREATE"],
            resources=["networkpolicies"],
        )
        spec = ValidatingAdmissionPolicySpecArgs(
            # A failure of the policy must not prevent the creation of the object.
            failure_policy="Ignore",
            match_constraints=MatchResourcesArgs(resource_rules=[network_policies]),
            validations=[ValidationArgs(expression="false", message=_MESSAGE)],
        )
        create_validating_policy(
            name, _NAME, spec, "Warn", lambda after: args.api.options(self, depends_on=after)
        )
        self.register_outputs({})
