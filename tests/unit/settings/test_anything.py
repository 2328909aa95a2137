"""Property tests of settings: every configuration results in settings or in readable problems."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assembly import build_topology
from settings import Settings, SettingsError, load
from tests.unit.settings.support import AVAILABLE, SINGLE, WORKERS, edited, grown
from tests.unit.settings.wrong_clouds import AWS, AZURE
from topology.certificates import leaves
from topology.ports import port_table

FULL = edited(
    WORKERS,
    {
        "endpoint": {"host": "10.89.0.100", "port": 6443},
        "kubelet": {"max_pods": 100, "eviction_hard": {"memory.available": "5%"}},
        "helm_releases.web": {"chart": "./web", "values": {"a": [1]}, "timeout": 60},
        "access.roles.reader": {"rules": [{"resources": ["pods"], "verbs": ["get"]}]},
        "access.bindings.all": {"role": "reader", "users": ["ada"], "service_accounts": ["default/ci"]},
        "access.namespaces.team-a": {"quota": {"cpu": 4}, "limits": {"default": {"cpu": "1"}}},
        "leader_election.lease": 20,
        "metal.hosts.w-1.ssh": {"port": 2022, "bastion": {"host": "b.example"}},
    },
)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)


def paths_of_values(node: object, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value in a configuration."""
    steps: list[tuple[Any, object]] = []
    if isinstance(node, dict):
        steps = list(node.items())
    elif isinstance(node, list):
        steps = list(enumerate(node))
    for key, inner in steps:
        yield (*way, key)
        yield from paths_of_values(inner, (*way, key))


FULL_AWS = edited(AWS, {"aws.tags": {"a": "b"}, "aws.endpoint": {"public": True}, "etcd.snapshots.keep": 3})
PLACES = list(paths_of_values(FULL))
CLOUD_PLACES = [(base, way) for base in (FULL_AWS, AZURE) for way in paths_of_values(base)]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), values), min_size=1, max_size=4))
def test_arbitrary_values_give_settings_or_a_settings_error(
    changes: list[tuple[tuple[str | int, ...], object]],
) -> None:
    raw: Any = edited(FULL, {})
    for way, value in changes:
        holder = raw
        try:
            for part in way[:-1]:
                holder = holder[part]
            holder[way[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier edit removed the parent
    assert_topology_or_readable_problems(raw)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CLOUD_PLACES), values)
def test_arbitrary_values_in_a_cloud_give_settings_or_a_settings_error(
    place: tuple[dict[str, Any], tuple[str | int, ...]], value: object
) -> None:
    base, way = place
    raw: Any = edited(base, {})
    holder = raw
    for part in way[:-1]:
        holder = holder[part]
    holder[way[-1]] = value
    assert_topology_or_readable_problems(raw)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PLACES))
def test_missing_values_give_settings_or_a_settings_error(way: tuple[str | int, ...]) -> None:
    raw: Any = edited(FULL, {})
    holder = raw
    for part in way[:-1]:
        holder = holder[part]
    del holder[way[-1]]
    assert_topology_or_readable_problems(raw)


@given(values)
def test_arbitrary_objects_give_settings_or_a_settings_error(raw: Any) -> None:  # noqa: ANN401 - that is the point
    assert_topology_or_readable_problems(raw)


def assert_topology_or_readable_problems(raw: Any) -> None:  # noqa: ANN401 - whatever was generated
    """Assert that the configuration has a topology, or that each of its problems is a single line."""
    lines, loaded = answer(raw)
    assert (loaded is None) == bool(lines)
    for line in lines:
        assert "\n" not in line
        assert line.startswith("kubewright:cluster")
    if loaded:
        built = build_topology(loaded)
        assert port_table(built)
        assert leaves(built)


def answer(raw: Any) -> tuple[list[str], Settings | None]:  # noqa: ANN401 - whatever was generated
    try:
        return [], load(raw)
    except SettingsError as error:
        return [str(problem) for problem in error.problems], None


@pytest.mark.parametrize("raw", [FULL, SINGLE, WORKERS, AVAILABLE, FULL_AWS, AZURE])
def test_fixtures_are_valid(raw: dict[str, Any]) -> None:
    assert build_topology(load(raw)).name == raw["name"]


def test_problems_of_one_path_keep_their_order() -> None:
    labels = {f"x {number}": "" for number in range(20)}
    with pytest.raises(SettingsError) as caught:
        load(edited(WORKERS, {"pools.workers.labels": labels}))
    assert [problem.value for problem in caught.value.problems] == [f'"{key}"' for key in labels]


def test_largest_cluster_loads_in_seconds() -> None:
    plan = {"network.pods": "172.16.0.0/12", "network.node_prefix": 26, "kubelet.max_pods": 29}
    raw = edited(grown(WORKERS, 4999), plan)
    start = time.process_time()
    built = build_topology(load(raw))
    assert len(built.machines) == 5000
    assert time.process_time() - start < 5
