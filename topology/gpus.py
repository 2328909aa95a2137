"""GPUs of nodes [F6]: the names that the device plugin, its users and the scheduler expect."""

from __future__ import annotations

from enum import StrEnum

from topology.taints import Taint, TaintEffect


class Gpu(StrEnum):
    """The vendor of the GPUs of a pool."""

    NVIDIA = "nvidia"


RUNTIME = "nvidia"
"""The name of the RuntimeClass, and of the runtime of containerd that it selects."""
GPU_LABEL = ("nvidia.com/gpu.present", "true")
"""The label of nodes with GPUs. The chart of NVIDIA's device plugin selects nodes by this label."""
GPU_TAINT = Taint(key="nvidia.com/gpu", value="present", effect=TaintEffect.NO_SCHEDULE)
"""The taint of nodes with GPUs. Its key is the resource that pods request, as the admission plugin
ExtendedResourceToleration assumes. Its value is that of GKE's nodes, which the feature discovery in NVIDIA's
chart tolerates.
"""
