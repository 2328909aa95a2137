from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.plugins.kubernetes.diffing import Change, compare
from lab.plugins.kubernetes.naming import Kind
from lab.plugins.kubernetes.replacement import needs_replacement
from lab.plugins.kubernetes.values import UNKNOWN, Secret, Value

json_values = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)


def never(_path: str) -> bool:
    return False


@given(json_values, json_values)
def test_changes_are_found_exactly_when_values_differ(old: Value, new: Value) -> None:
    assert bool(compare({"x": old}, {"x": new}, never)) == (repr_of(old) != repr_of(new))


def repr_of(value: Value) -> Value:
    """A form in which True differs from 1, order of keys does not matter, and an empty map is one."""
    if isinstance(value, dict):
        return ("map", sorted((key, repr_of(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("list", [repr_of(item) for item in value])
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
    assert compare(old, new, never) == {
        'metadata.labels["app.kubernetes.io/name"]': Change("update", False),
        "spec.containers[0].image": Change("update", False),
        "spec.containers[1]": Change("add", False),
    }


def test_becoming_secret_is_no_change_and_becoming_unknown_is_one() -> None:
    assert compare({"a": "x"}, {"a": Secret("x")}, never) == {}
    assert compare({"a": "x"}, {"a": UNKNOWN}, never) == {"a": Change("update", False)}
    assert compare({"a": Secret("x")}, {}, never) == {"a": Change("delete", False)}


@pytest.mark.parametrize(
    ("kind", "path", "replaced"),
    [
        (Kind("apps/v1", "Deployment"), "spec.selector.matchLabels.app", True),
        (Kind("apps/v1", "Deployment"), "spec.replicas", False),
        (Kind("apps/v1", "Deployment"), "spec.selectorish", False),
        (Kind("apps/v1", "DaemonSet"), "spec.selector", True),
        (Kind("apps/v1", "StatefulSet"), "spec.volumeClaimTemplates[0].spec", True),
        (Kind("batch/v1", "Job"), "spec.template.spec.containers[0].image", True),
        (Kind("v1", "Service"), "spec.clusterIP", True),
        (Kind("v1", "Service"), "spec.type", False),
        (Kind("v1", "Secret"), "type", True),
        (Kind("v1", "Pod"), "spec.containers[0].image", True),
        (Kind("v1", "Pod"), "spec.tolerations[1]", False),
        (Kind("rbac.authorization.k8s.io/v1", "RoleBinding"), "roleRef.name", True),
        (Kind("rbac.authorization.k8s.io/v1", "RoleBinding"), "subjects[0].name", False),
        (Kind("storage.k8s.io/v1", "StorageClass"), "parameters.type", True),
        (Kind("v1", "Namespace"), "metadata.name", True),
        (Kind("v1", "Namespace"), "metadata.labels.name", False),
        (Kind("v1", "ServiceAccount"), "metadata.namespace", True),
        (Kind("v1", "Namespace"), "apiVersion", True),
        (Kind("apps/v1", "Deployment", patch=True), "spec.selector", False),
        (Kind("example.com/v1", "Deployment"), "spec.selector", False),
    ],
)
def test_the_replacement_table(kind: Kind, path: str, replaced: bool) -> None:
    assert needs_replacement(kind, path, config_maps_mutable=True, secrets_mutable=True) is replaced


@pytest.mark.parametrize(
    ("kind", "path"), [("ConfigMap", "data.a"), ("Secret", "stringData.a"), ("Secret", "data")]
)
@pytest.mark.parametrize("mutable", [True, False])
def test_data_is_replaced_unless_mutable(kind: str, path: str, mutable: bool) -> None:
    found = needs_replacement(Kind("v1", kind), path, config_maps_mutable=mutable, secrets_mutable=mutable)
    assert found is not mutable
    assert needs_replacement(
        Kind("v1", kind), path, config_maps_mutable=True, secrets_mutable=True, immutable=True
    )
