"""Tests of `extra_args`: which flags are refused, and what users see of the allowed flags."""

from __future__ import annotations

import re
from typing import Any

import pytest

from nodeconfig import bundles
from nodeconfig.extra_flags import find_extra_flags
from settings import load
from settings.owned_flags import COMPONENTS, refusal
from settings.warnings import extra_args_warnings, settings_warnings
from testkit.bundles import FakeIndex, cluster
from tests.unit.settings.support import HIGHLY_AVAILABLE, TWO_WORKERS, with_edits
from topology.model import Role

HOSTS = {
    "api": ("cp-1", Role.CONTROL_PLANE),
    "controller_manager": ("cp-1", Role.CONTROL_PLANE),
    "scheduler": ("cp-1", Role.CONTROL_PLANE),
    "etcd": ("cp-1", Role.ETCD),
    "kubelet": ("w-1", Role.NODE),
    "proxy": ("w-1", Role.NODE),
}


def unit_text(component: str, settings: dict[str, Any] | None = None) -> str:
    """Return the unit of a component on the host that has it."""
    all_bundles = bundles(cluster(sections=settings), FakeIndex())
    return next(
        file.content
        for file in all_bundles[HOSTS[component]].files
        if file.path == f"/etc/systemd/system/{COMPONENTS[component]}.service"
    )


@pytest.mark.parametrize("component", COMPONENTS)
def test_flags_that_kubewright_passes_are_refused(component: str) -> None:
    """A new flag in a unit needs an entry in settings/owned_flags.py."""
    flags = re.findall(r"^  --([a-z0-9-]+)=", unit_text(component), re.MULTILINE)
    assert flags
    assert [flag for flag in flags if not refusal(component, flag)] == []


def test_flags_of_the_highly_available_stack_are_refused() -> None:
    from assembly import build_topology

    all_bundles = bundles(build_topology(load(HIGHLY_AVAILABLE)), FakeIndex())
    content = "".join(file.content for file in all_bundles["cp-1", Role.CONTROL_PLANE].files)
    server = content[content.index("bin/kube-apiserver \\\n") :].split("\n\n")[0]
    flags = re.findall(r"^  --([a-z0-9-]+)=", server, re.MULTILINE)
    assert "shutdown-delay-duration" in flags
    assert [flag for flag in flags if not refusal("api", flag)] == []


@pytest.mark.parametrize("component", COMPONENTS)
def test_allowed_flag_is_the_last_flag_of_its_unit_only(component: str) -> None:
    flags = {component: {"extra_args": {"v": 4}}}
    if component == "etcd":
        flags = {"etcd": {"extra_args": {"heartbeat-interval": 4}}}
    [flag] = flags[component]["extra_args"]
    after = unit_text(component, flags)
    assert f" \\\n  --{flag}=4\nRestart=" in after
    assert list(find_extra_flags(after)) == [(f"{component}.extra_args", flag)]
    others = [other for other in COMPONENTS if other != component]
    assert all(unit_text(other, flags) == unit_text(other) for other in others)


def test_comment_about_flags_is_where_it_restarts_nothing() -> None:
    text = unit_text("scheduler", {"scheduler": {"extra_args": {"v": 4}}})
    assert text.index("# Flags without checks") < text.index("[Service]")


def test_flags_of_a_pool_replace_those_of_the_cluster_by_name() -> None:
    from assembly import build_topology

    edits = {
        "kubelet.extra_args": {"v": 2, "event-qps": 10},
        "pools.workers.kubelet.extra_args": {"v": 4, "serialize-image-pulls": False},
    }
    control_plane, workers = build_topology(load(with_edits(TWO_WORKERS, edits))).pools
    assert dict(control_plane.kubelet.extra_flags) == {"v": "2", "event-qps": "10"}
    assert dict(workers.kubelet.extra_flags) == {
        "v": "4",
        "event-qps": "10",
        "serialize-image-pulls": "false",
    }


def test_each_flag_causes_a_warning() -> None:
    edits = {
        "api.extra_args": {"v": 4, "feature-gates": "A=true"},
        "pools.workers.kubelet.extra_args": {"v": 4},
    }
    settings = load(with_edits(TWO_WORKERS, edits))
    warnings = extra_args_warnings(settings)
    assert [warning.split(":")[0] for warning in warnings] == [
        "api.extra_args.v",
        "api.extra_args.feature-gates",
        "pools.workers.kubelet.extra_args.v",
    ]
    assert "--feature-gates to kube-apiserver without checks" in warnings[1]
    assert "A=true" not in "".join(warnings)
    assert set(warnings) <= set(settings_warnings(settings))


def test_settings_without_extra_args_cause_no_warning() -> None:
    assert extra_args_warnings(load(TWO_WORKERS)) == []
