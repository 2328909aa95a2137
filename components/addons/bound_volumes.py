"""Refuses to delete a PersistentVolume of the stack file that a claim uses [H3].

Kubernetes accepts the deletion and waits for the claim. `up` would wait too, and the deletion could not be
undone. The API server therefore refuses the deletion, so that `up` fails and the volume remains unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, Resource, ResourceOptions
from pulumi_kubernetes.admissionregistration.v1 import (
    MatchResourcesArgs,
    NamedRuleWithOperationsArgs,
    ValidatingAdmissionPolicySpecArgs,
    ValidationArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, LabelSelectorRequirementArgs

from components.addons.validating_policy import create_validating_policy
from components.api import Api

VOLUME_LABEL = "kubewright.dev/volume"
"""The label of the volumes, with their kind: `disk` or `nfs`."""
_NAME = "kubewright-bound-volumes"
_MESSAGE = (
    "'it is bound to the claim ' + oldObject.spec.claimRef.namespace + '/' + oldObject.spec.claimRef.name + "
    "'; delete the claim before you remove or replace the volume'"
)


@dataclass(frozen=True, kw_only=True)
class BoundVolumesArgs:
    """Arguments of `BoundVolumes`."""

    api: Api


class BoundVolumes(ComponentResource):
    """An admission policy that refuses the deletion of a bound volume. `binding` makes it effective.

    Volumes depend on `binding`, so that the engine deletes them while the policy still exists.
    """

    binding: Resource

    def __init__(self, name: str, args: BoundVolumesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:BoundVolumes", name, None, opts)
        deletions = NamedRuleWithOperationsArgs(
            api_groups=[""], api_versions=["v1"], operations=["DELETE"], resources=["persistentvolumes"]
        )
        labeled = LabelSelectorRequirementArgs(key=VOLUME_LABEL, operator="Exists")
        spec = ValidatingAdmissionPolicySpecArgs(
            failure_policy="Fail",
            match_constraints=MatchResourcesArgs(
                resource_rules=[deletions], object_selector=LabelSelectorArgs(match_expressions=[labeled])
            ),
            validations=[
                ValidationArgs(
                    expression="!has(oldObject.status.phase) || oldObject.status.phase != 'Bound'",
                    message_expression=_MESSAGE,
                )
            ],
        )
        self.binding = create_validating_policy(
            name, _NAME, spec, "Deny", lambda after: args.api.options(self, depends_on=after)
        )
        self.register_outputs({})
