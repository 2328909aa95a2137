"""Tests of request bodies for the API server, and of states built from its responses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.plugins.kubernetes import bodies
from lab.plugins.kubernetes.naming import Kind
from lab.plugins.runtime.values import UNKNOWN, Secret, Value, reveal

SECRET = Kind("v1", "Secret")
CONFIG_MAP = Kind("v1", "ConfigMap")
objects = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.text(max_size=4)),
    lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


def test_string_data_is_sent_as_data() -> None:
    body = bodies.request_body(
        SECRET, {"stringData": Secret({"a": "b"}), "data": {"c": "ZA=="}, "type": None}
    )
    assert body == {"apiVersion": "v1", "kind": "Secret", "data": {"a": "Yg==", "c": "ZA=="}}


def test_data_of_a_secret_is_marked_secret_in_the_state() -> None:
    live = {"metadata": {"name": "a", "managedFields": [1]}, "data": {"a": "Yg=="}}
    state = bodies.state_of(SECRET, live, {}, "me")
    assert state["data"] == Secret({"a": "Yg=="})
    assert "managedFields" not in state["metadata"]
    assert live["metadata"] == {"name": "a", "managedFields": [1]}


def test_secret_inputs_are_secret_in_the_state() -> None:
    live = {"metadata": {"name": "a"}, "data": {"a": "x", "b": "y"}}
    state = bodies.state_of(CONFIG_MAP, live, {"data": {"a": Secret("x")}}, "me")
    assert state["data"] == {"a": Secret("x"), "b": "y"}


def test_preview_has_unknown_server_fields() -> None:
    expected = {
        "metadata": {"name": "a", "uid": "u"},
        "spec": {"clusterIP": "10.0.0.9", "ports": [{"port": 1}]},
    }
    inputs = {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}]}}
    state = bodies.preview_state(Kind("v1", "Service"), expected, inputs, "me")
    assert state["metadata"]["uid"] is UNKNOWN
    assert state["metadata"]["name"] == "a"
    assert state["spec"]["clusterIP"] is UNKNOWN
    assert state["status"] is UNKNOWN


@given(objects, objects)
def test_merge_patch_produces_the_new_object(old: Value, new: Value) -> None:
    def merge(target: Any, patch: Any) -> Any:  # noqa: ANN401 - the algorithm of RFC 7396 on any JSON
        if not isinstance(patch, dict):
            return patch
        result = dict(target) if isinstance(target, dict) else {}
        for key, value in patch.items():
            if value is None:
                result.pop(key, None)
            else:
                result[key] = merge(result.get(key), value)
        return result

    before, after = {"x": old}, {"x": new}
    assert merge(before, bodies.merge_patch(before, after)) == after


def test_refreshed_inputs_contain_only_drift() -> None:
    inputs = {
        "metadata": {"name": "a", "labels": {"x": "1"}},
        "spec": {"cpu": "0.5", "hostNetwork": False, "list": [{"name": "c", "image": "i:1"}], "gone": "y"},
    }
    live = {
        "metadata": {"name": "a", "labels": {"x": "2", "theirs": "3"}, "uid": "u"},
        "spec": {
            "cpu": "500m",
            "list": [{"name": "c", "image": "i:1", "pullPolicy": "Always"}],
            "default": 1,
        },
    }
    assert bodies.refresh_inputs(Kind("apps/v1", "Deployment"), inputs, live) == {
        "metadata": {"name": "a", "labels": {"x": "2"}},
        "spec": {"cpu": "0.5", "hostNetwork": False, "list": [{"name": "c", "image": "i:1"}]},
    }


def test_refreshed_secret_is_compared_as_text_and_remains_secret() -> None:
    inputs = {"metadata": {"name": "a"}, "stringData": Secret({"w": "b"})}
    same = bodies.refresh_inputs(SECRET, inputs, {"metadata": {"name": "a"}, "data": {"w": "Yg=="}})
    assert same == inputs
    other = bodies.refresh_inputs(SECRET, inputs, {"metadata": {"name": "a"}, "data": {"w": "eA=="}})
    assert isinstance(other["stringData"], Secret)
    assert reveal(other["stringData"]) == {"w": "x"}


def test_imported_inputs_omit_server_fields() -> None:
    live = {
        "kind": "Secret",
        "metadata": {"name": "a", "uid": "u", "resourceVersion": "1", "labels": {"x": "y"}},
        "data": {"w": "Yg=="},
        "status": {"phase": "x"},
    }
    assert bodies.import_inputs(live) == {
        "kind": "Secret",
        "metadata": {"name": "a", "labels": {"x": "y"}},
        "data": Secret({"w": "Yg=="}),
    }


@pytest.mark.parametrize(
    ("left", "right"), [("0.5", "500m"), ("1Gi", "1024Mi"), (2, "2"), ("1k", "1000"), ("1.5Gi", "1536Mi")]
)
def test_equal_quantities_have_the_same_number(left: str | int, right: str) -> None:
    assert bodies.quantity(left) == bodies.quantity(right) is not None


@pytest.mark.parametrize("text", ["", "abc", "10.0.0.1", "true", "1KiB"])
def test_other_texts_are_no_quantities(text: str) -> None:
    assert bodies.quantity(text) is None
