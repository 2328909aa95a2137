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
from tests.unit.settings.support import HIGHLY_AVAILABLE, ONE_HOST, TWO_WORKERS, with_edits, with_workers
from tests.unit.settings.wrong_clouds import AWS, AZURE
from tests.unit.settings.wrong_snapshots import BLOB, RECIPIENT, S3
from topology.certificates import leaves
from topology.firewall_rules import port_table

ALL_SECTIONS = with_edits(
    TWO_WORKERS,
    {
        "endpoint": {"host": "10.89.0.100", "port": 6443},
        "kubelet": {"max_pods": 100, "eviction_hard": {"memory.available": "5%"}},
        "helm_releases.web": {"chart": "./web", "values": {"a": [1]}, "timeout": 60},
        "access.roles.reader": {"rules": [{"resources": ["pods"], "verbs": ["get"]}]},
        "access.bindings.all": {"role": "reader", "users": ["ada"], "service_accounts": ["default/ci"]},
        "access.namespaces.team-a": {"quota": {"cpu": 4}, "limits": {"default": {"cpu": "1"}}},
        "leader_election.lease": 20,
        "capacity": {
            "applications": {"web": {"replicas": 4, "cpu": "100m", "memory": "1Gi", "pool": "workers"}},
            "per_node": {"agent": {"cpu": "50m", "memory": "32Mi", "containers": 2}},
            "candidates": {
                "date": "2026-11-01",
                "machines": {"r1": {"cpu": 8, "memory": "1Gi", "price": 1.5}},
            },
        },
        "addons.load_balancer": {
            "asn": 64513,
            "pools": {
                "public": {"addresses": ["10.89.0.240-10.89.0.250"]},
                "edge": {"addresses": ["198.51.100.0/28"], "announce": "bgp"},
            },
            "peers": {"rack": {"address": "10.89.0.2", "asn": 64512, "hold_time": "9s"}},
        },
        "etcd.snapshots": {
            "recipients": [RECIPIENT],
            "to": {"offsite": {"s3": S3}, "azure": {"azure_blob": BLOB}, "nas": {"path": "/mnt/nas"}},
        },
        "metal.hosts.w-1.ssh": {"port": 2022, "bastion": {"host": "b.example"}},
    },
)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda item: (
        st.lists(item, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), item, max_size=3)
    ),
    max_leaves=6,
)


def paths_of_values(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value in a configuration."""
    steps: list[tuple[Any, object]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    for key, item in steps:
        yield (*path, key)
        yield from paths_of_values(item, (*path, key))


AWS_WITH_OPTIONS = with_edits(
    AWS,
    {
        "aws.tags": {"a": "b"},
        "aws.endpoint": {"public": True},
        "network.api_allowed": ["192.0.2.0/24"],
        "etcd.snapshots.keep": 3,
    },
)
VALUE_PATHS = list(paths_of_values(ALL_SECTIONS))
CLOUD_VALUE_PATHS = [(base, path) for base in (AWS_WITH_OPTIONS, AZURE) for path in paths_of_values(base)]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(VALUE_PATHS), values), min_size=1, max_size=4))
def test_arbitrary_values_give_settings_or_a_settings_error(
    edits: list[tuple[tuple[str | int, ...], object]],
) -> None:
    raw: Any = with_edits(ALL_SECTIONS, {})
    for path, value in edits:
        section = raw
        try:
            for part in path[:-1]:
                section = section[part]
            section[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier edit removed the parent
    assert_topology_or_readable_problems(raw)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CLOUD_VALUE_PATHS), values)
def test_arbitrary_values_in_a_cloud_give_settings_or_a_settings_error(
    base_and_path: tuple[dict[str, Any], tuple[str | int, ...]], value: object
) -> None:
    base, path = base_and_path
    raw: Any = with_edits(base, {})
    section = raw
    for part in path[:-1]:
        section = section[part]
    section[path[-1]] = value
    assert_topology_or_readable_problems(raw)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(VALUE_PATHS))
def test_missing_values_give_settings_or_a_settings_error(path: tuple[str | int, ...]) -> None:
    raw: Any = with_edits(ALL_SECTIONS, {})
    section = raw
    for part in path[:-1]:
        section = section[part]
    del section[path[-1]]
    assert_topology_or_readable_problems(raw)


@given(values)
def test_arbitrary_objects_give_settings_or_a_settings_error(raw: Any) -> None:  # noqa: ANN401 - that is the point
    assert_topology_or_readable_problems(raw)


def assert_topology_or_readable_problems(raw: Any) -> None:  # noqa: ANN401 - whatever was generated
    """Assert that the configuration has a topology, or that each of its problems is a single line."""
    lines, loaded = load_or_problems(raw)
    assert (loaded is None) == bool(lines)
    for line in lines:
        assert "\n" not in line
        assert line.startswith("kubewright:cluster")
    if loaded:
        topology = build_topology(loaded)
        assert port_table(topology)
        assert leaves(topology)


def load_or_problems(raw: Any) -> tuple[list[str], Settings | None]:  # noqa: ANN401 - whatever was generated
    try:
        return [], load(raw)
    except SettingsError as error:
        return [str(problem) for problem in error.problems], None


@pytest.mark.parametrize(
    "raw", [ALL_SECTIONS, ONE_HOST, TWO_WORKERS, HIGHLY_AVAILABLE, AWS_WITH_OPTIONS, AZURE]
)
def test_fixtures_are_valid(raw: dict[str, Any]) -> None:
    assert build_topology(load(raw)).name == raw["name"]


def test_line_break_in_a_host_name_stays_in_one_line() -> None:
    assert_topology_or_readable_problems(with_edits(TWO_WORKERS, {"pools.workers.hosts": ["w-1", "w\n2"]}))


def test_more_nodes_than_ipv4_has_ranges_is_a_problem() -> None:
    raw = with_edits(AWS, {"pools.general.size": {"min": 1, "max": 16777214}})
    lines, _ = load_or_problems(raw)
    assert any("no IPv4 range is that large; reduce the sizes of the pools" in line for line in lines)


def test_problems_of_one_path_keep_their_order() -> None:
    labels = {f"x {number}": "" for number in range(20)}
    with pytest.raises(SettingsError) as caught:
        load(with_edits(TWO_WORKERS, {"pools.workers.labels": labels}))
    assert [problem.value for problem in caught.value.problems] == [f'"{key}"' for key in labels]


def test_largest_cluster_loads_in_seconds() -> None:
    network = {"network.pods": "172.16.0.0/12", "network.node_prefix": 26, "kubelet.max_pods": 29}
    raw = with_edits(with_workers(TWO_WORKERS, 4999), network)
    start = time.process_time()
    topology = build_topology(load(raw))
    assert len(topology.machines) == 5000
    assert time.process_time() - start < 5
