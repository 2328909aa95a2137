"""The RuntimeClass with which pods use GPUs [F6]."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, ResourceOptions
from pulumi_kubernetes.core.v1 import TolerationArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.node.v1 import RuntimeClass, SchedulingArgs

from components.api import Api
from topology.gpus import GPU_LABEL, GPU_TAINT, RUNTIME


@dataclass(frozen=True, kw_only=True)
class GpuRuntimeClassArgs:
    """Arguments of `GpuRuntimeClass`."""

    api: Api


class GpuRuntimeClass(ComponentResource):
    """A RuntimeClass whose pods run on nodes with GPUs and tolerate the taint of these nodes."""

    def __init__(self, name: str, args: GpuRuntimeClassArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:GpuRuntimeClass", name, None, opts)
        toleration = TolerationArgs(key=GPU_TAINT.key, operator="Exists", effect=str(GPU_TAINT.effect))
        RuntimeClass(
            f"{name}-class",
            metadata=ObjectMetaArgs(name=RUNTIME),
            handler=RUNTIME,
            scheduling=SchedulingArgs(node_selector=dict([GPU_LABEL]), tolerations=[toleration]),
            opts=args.api.options(self),
        )
        self.register_outputs({})
