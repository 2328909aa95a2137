"""Rules about `extra_args` [D4]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.cluster import Settings
from settings.extra_args import ExtraArgs
from settings.owned_flags import refusal
from settings.problem import Problem, format_path
from settings.rules.base import RuleInput, rule


@rule(needs=("api", "controller_manager", "scheduler", "kubelet", "proxy", "etcd", "control_planes", "pools"))
def extra_args_are_not_owned(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse flags that Kubewright sets, and flags that endanger the cluster."""
    for path, component, flags in extra_args(rule_input.settings):
        for flag, value in flags.items():
            reason = refusal(component, flag)
            if reason:
                yield Problem(format_path([*path.split("."), flag]), f'"{value}"', reason)


def extra_args(settings: Settings) -> Iterator[tuple[str, str, ExtraArgs]]:
    """Yield the path, the component and the flags of every setting `extra_args` that has flags."""
    sections = {
        "api": ("api", settings.api.extra_args),
        "controller_manager": ("controller_manager", settings.controller_manager.extra_args),
        "scheduler": ("scheduler", settings.scheduler.extra_args),
        "proxy": ("proxy", settings.proxy.extra_args),
        "etcd": ("etcd", settings.etcd.extra_args),
        "kubelet": ("kubelet", settings.kubelet.extra_args),
        "control_planes.kubelet": ("kubelet", settings.control_planes.kubelet.extra_args),
        **{
            f"pools.{name}.kubelet": ("kubelet", pool.kubelet.extra_args)
            for name, pool in settings.pools.items()
        },
    }
    for path, (component, flags) in sections.items():
        if flags:
            yield f"{path}.extra_args", component, flags
