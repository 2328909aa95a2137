"""The capacity that applications need, as data that a preview shows and that the cluster keeps [A3]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import ComponentResource, ResourceOptions
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.api import Api

NAME = "kubewright-capacity"
"""The name of the ConfigMap, in the namespace kube-system."""


@dataclass(frozen=True, kw_only=True)
class CapacityPlanArgs:
    """Arguments of `CapacityPlan`. `pools` has the text of the plan of each pool by its name."""

    api: Api
    pools: Mapping[str, str]


class CapacityPlan(ComponentResource):
    """The ConfigMap with the plan of each pool. No program reads it."""

    def __init__(self, name: str, args: CapacityPlanArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:CapacityPlan", name, None, opts)
        ConfigMap(
            f"{name}-pools",
            metadata=ObjectMetaArgs(name=NAME, namespace="kube-system"),
            data=dict(args.pools),
            opts=args.api.options(self),
        )
        self.register_outputs({})
