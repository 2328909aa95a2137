"""Tests of diffs of properties and of parts of URNs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.plugins.runtime.diff import Change, Diff, compare, top_level
from lab.plugins.runtime.urns import resource_name, resource_type
from lab.plugins.runtime.values import ASSET, SIGNATURE, UNKNOWN, Secret, Value, as_secret

json_values = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)


def replaces_nothing(_path: str) -> bool:
    """Return False: no change of a property replaces the resource."""
    return False


def same(old: Value, new: Value) -> bool:
    """Check whether two values have no difference, including secrecy."""
    return not compare({"x": old}, {"x": new}, replaces_nothing, secrecy_counts=True)


@given(json_values, json_values)
@pytest.mark.parametrize("secrecy_counts", [False, True])
def test_changes_are_found_exactly_when_values_differ(secrecy_counts: bool, old: Value, new: Value) -> None:
    changes = compare({"x": old}, {"x": new}, replaces_nothing, secrecy_counts=secrecy_counts)
    assert bool(changes) == (canonical(old) != canonical(new))


def canonical(value: Value) -> Value:
    """Convert a value for comparison: True differs from 1, and the order of keys has no effect."""
    if isinstance(value, dict):
        return ("map", sorted((key, canonical(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("list", [canonical(item) for item in value])
    return (type(value).__name__, value)


def test_paths_are_those_of_the_engine() -> None:
    old = {
        "metadata": {"labels": {"app.kubernetes.io/name": "a"}},
        "spec": {"containers": [{"image": "x:1"}]},
    }
    new = {
        "metadata": {"labels": {"app.kubernetes.io/name": "b"}},
        "spec": {"containers": [{"image": "x:2"}, {}]},
    }
    assert compare(old, new, replaces_nothing) == {
        'metadata.labels["app.kubernetes.io/name"]': Change("update", False),
        "spec.containers[0].image": Change("update", False),
        "spec.containers[1]": Change("add", False),
    }


def test_paths_lead_to_the_changed_values() -> None:
    old: dict[str, object] = {"environment": {"A": "1", "B-C": "2"}, "list": ["x", "y"]}
    new: dict[str, object] = {"environment": {"A": "9", "D": "4"}, "list": ["x"], "added": 1}
    assert {path: change.kind for path, change in compare(old, new, replaces_nothing).items()} == {
        "added": "add",
        "environment.A": "update",
        'environment["B-C"]': "delete",
        "environment.D": "add",
        "list[1]": "delete",
    }


def test_equal_inputs_have_no_difference() -> None:
    inputs: dict[str, object] = {"a": "x", "b": [1, {"c": True}], "n": None}
    assert compare(inputs, dict(inputs), replaces_nothing) == {}


def test_null_equals_an_absent_property() -> None:
    assert compare({"a": None, "b": {"c": None}}, {"b": {}}, replaces_nothing) == {}


def test_change_of_a_replacing_property_replaces() -> None:
    diff = Diff(
        compare({"triggers": ["a"]}, {"triggers": ["b", "c"]}, lambda path: top_level(path) == "triggers")
    )
    assert diff.replaces == ["triggers"]
    assert set(diff.changes.values()) == {Change("update", True), Change("add", True)}


def test_secrecy_is_ignored_unless_it_counts() -> None:
    assert compare({"a": "x"}, {"a": Secret("x")}, replaces_nothing) == {}
    assert compare({"a": "x"}, {"a": UNKNOWN}, replaces_nothing) == {"a": Change("update", False)}
    assert compare({"a": Secret("x")}, {}, replaces_nothing) == {"a": Change("delete", False)}
    assert not same("x", Secret("x"))
    inner = {"key": Secret("k")}
    assert same(as_secret(inner), inner)


def test_changed_secret_shows_no_path_inside() -> None:
    old, new = Secret({"key": "one", "host": "h"}), Secret({"key": "two", "host": "h"})
    assert list(compare({"connection": old}, {"connection": new}, replaces_nothing, secrecy_counts=True)) == [
        "connection"
    ]


@pytest.mark.parametrize(
    ("ignored", "paths"),
    [(["a"], ["ab", "c[0]"]), (["c", "ab"], ["a", "a.b"]), (["a.b"], ["a", "ab", "c[0]"])],
)
def test_ignored_paths_do_not_count(ignored: list[str], paths: list[str]) -> None:
    diff = Diff({path: Change("update", False) for path in ("a", "a.b", "ab", "c[0]")})
    assert list(diff.without(ignored).changes) == paths


def test_assets_compare_by_hash_or_content() -> None:
    def asset(**content: str) -> dict[str, Any]:
        return {SIGNATURE: ASSET, **content}

    assert same(asset(text="x"), asset(text="x"))
    assert not same(asset(text="x"), asset(text="y"))
    assert same(asset(hash="1"), asset(hash="1", text="x"))
    assert not same(asset(hash="1", path="p"), asset(hash="2", path="p"))
    assert same(asset(path="p"), asset(hash="2", path="p"))
    assert not same(asset(text="x"), "x")


def test_type_and_name_of_a_resource_below_components() -> None:
    urn = "urn:pulumi:dev::kubewright::kubewright:Cluster$kubewright:Pki${}::name"
    for token in ("tls:index/privateKey:PrivateKey", "command:remote:Command"):
        assert resource_type(urn.format(token)) == token
        assert resource_type(f"urn:pulumi:dev::kubewright::{token}::a::b") == token
        assert resource_name(f"urn:pulumi:dev::kubewright::{token}::a::b") == "a::b"
