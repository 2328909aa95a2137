"""Admission policies of the API server that check objects by expressions (ValidatingAdmissionPolicy)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pulumi import Resource, ResourceOptions
from pulumi_kubernetes.admissionregistration.v1 import (
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
    ValidatingAdmissionPolicyBindingSpecArgs,
    ValidatingAdmissionPolicySpecArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs


def create_validating_policy(
    name: str,
    policy_name: str,
    spec: ValidatingAdmissionPolicySpecArgs,
    action: str,
    options: Callable[[Sequence[Resource]], ResourceOptions],
) -> Resource:
    """Create a policy with its binding, and return the binding.

    `action` is what happens when the policy refuses an object, such as `Deny`. `options` returns the options
    of an object that depends on others.
    """
    metadata = ObjectMetaArgs(name=policy_name)
    policy = ValidatingAdmissionPolicy(f"{name}-policy", metadata=metadata, spec=spec, opts=options([]))
    return ValidatingAdmissionPolicyBinding(
        f"{name}-binding",
        metadata=metadata,
        spec=ValidatingAdmissionPolicyBindingSpecArgs(policy_name=policy_name, validation_actions=[action]),
        opts=options([policy]),
    )
