"""Invalid settings of pools with GPUs."""

from __future__ import annotations

from tests.unit.settings.support import InvalidSettings

_GPU = {"pools.workers.gpu": "nvidia", "control_planes.schedulable": True}
"""Valid settings of a pool with GPUs."""
_LABEL = {"nvidia.com/gpu.present": "true"}

GPUS = (
    InvalidSettings("pools.workers.gpu", '"amd": unknown; allowed: nvidia', {"pools.workers.gpu": "amd"}),
    InvalidSettings("pools.workers.gpu", "true: unknown; allowed: nvidia", {"pools.workers.gpu": True}),
    InvalidSettings(
        "control_planes.gpu", "unknown key; allowed here: hosts", {"control_planes.gpu": "nvidia"}
    ),
    InvalidSettings(
        "pools.workers.labels", "gpu: nvidia sets it; remove", {**_GPU, "pools.workers.labels": _LABEL}
    ),
    InvalidSettings(
        "pools.web.labels",
        "would fail on these nodes, which lack the runtime; remove the label, or set pools.web.gpu",
        {
            "pools.workers.gpu": "nvidia",
            "pools.workers.hosts": ["w-1"],
            "pools.web": {"hosts": ["w-2"], "labels": _LABEL},
        },
    ),
    InvalidSettings(
        "control_planes.labels",
        "control planes cannot have the runtime",
        {**_GPU, "control_planes.labels": _LABEL},
    ),
    InvalidSettings(
        "pools.workers.taints[1]",
        "gpu: nvidia sets nvidia.com/gpu=present:NoSchedule; remove this one",
        {**_GPU, "pools.workers.taints": ["team=ml:NoSchedule", "nvidia.com/gpu=yes:NoExecute"]},
    ),
    InvalidSettings(
        "pools", "workers: every pool has GPUs, whose taint repels CoreDNS", {"pools.workers.gpu": "nvidia"}
    ),
    InvalidSettings(
        "api.disabled_admission_plugins[0]",
        '"RuntimeClass": pods that use GPUs would not be sent',
        {**_GPU, "api.disabled_admission_plugins": ["RuntimeClass"]},
    ),
)
