"""Rules about pools with GPUs [F6]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from topology.gpus import GPU_LABEL, GPU_TAINT, RUNTIME


@rule(needs_valid=("pools", "control_planes.labels"))
def gpu_labels_are_free(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the label of nodes with GPUs: `gpu` sets it, and pods that use GPUs fail on other nodes."""
    settings, key = rule_input.settings, GPU_LABEL[0]
    if not any(pool.gpu for pool in settings.pools.values()):
        return
    for name, pool in settings.pools.items():
        if key in pool.labels and pool.gpu:
            yield Problem(f"pools.{name}.labels", f'"{key}"', f"gpu: {pool.gpu} sets it; remove the label")
        elif key in pool.labels:
            yield Problem(
                f"pools.{name}.labels",
                f'"{key}"',
                f"pods of the RuntimeClass {RUNTIME} would fail on these nodes, which lack the runtime; "
                f"remove the label, or set pools.{name}.gpu",
            )
    if key in settings.control_planes.labels:
        yield Problem(
            "control_planes.labels",
            f'"{key}"',
            f"control planes cannot have the runtime of the RuntimeClass {RUNTIME}; remove the label",
        )


@rule(needs_valid=("pools",))
def gpu_taints_are_free(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse a second taint with the key of the taint of GPUs, which the RuntimeClass would not tolerate."""
    for name, pool in rule_input.settings.pools.items():
        for position, taint in enumerate(pool.taints if pool.gpu else ()):
            if taint.key == GPU_TAINT.key:
                yield Problem(
                    f"pools.{name}.taints[{position}]",
                    f'"{taint.key}"',
                    f"gpu: {pool.gpu} sets {taint.key}={GPU_TAINT.value}:{GPU_TAINT.effect}; remove this one",
                )


@rule(needs_valid=("pools",), needs=("control_planes.schedulable",))
def pods_without_gpus_have_nodes(rule_input: RuleInput) -> Iterator[Problem]:
    """Require nodes without the taint of GPUs, for CoreDNS and all other pods that use no GPU."""
    settings = rule_input.settings
    sections = settings.pools.values()
    if sections and all(pool.gpu for pool in sections) and not settings.control_planes.schedulable:
        yield Problem(
            "pools",
            ", ".join(settings.pools),
            "every pool has GPUs, whose taint repels CoreDNS and all other pods that use no GPU; add a pool "
            "without gpu, or set control_planes.schedulable",
        )


@rule(needs_valid=("pools", "api.disabled_admission_plugins"))
def runtime_classes_are_admitted(rule_input: RuleInput) -> Iterator[Problem]:
    """Require the admission plugin that applies node selector and tolerations of the RuntimeClass."""
    settings = rule_input.settings
    if not any(pool.gpu for pool in settings.pools.values()):
        return
    for position, plugin in enumerate(settings.api.disabled_admission_plugins):
        if plugin == "RuntimeClass":
            yield Problem(
                f"api.disabled_admission_plugins[{position}]",
                f'"{plugin}"',
                "pods that use GPUs would not be sent to the nodes of pools with gpu; remove it",
            )
