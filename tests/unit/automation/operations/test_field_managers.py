"""Tests of field managers: the state names them, and those of other stacks are replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from automation.operations.api_client import ApiClient, ApiError
from automation.operations.field_managers import assign_fields, managers_in_state, reassign
from automation.releases.record import ObjectKey

OWN, LOST = "pulumi-kubernetes-00000001", "pulumi-kubernetes-00000002"
KUBELET = {"manager": "kubelet", "operation": "Update"}


def entry(manager: str, **fields: str) -> dict[str, str]:
    return {"manager": manager, "operation": "Apply", **fields}


def resource(type_: str, kind: str, manager: str, **fields: object) -> dict[str, Any]:
    metadata = {"namespace": "shop", "name": "till"}
    outputs = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "__fieldManager": manager}
    return {"type": f"kubernetes:core/v1:{type_}", "custom": True, "outputs": outputs, **fields}


def test_resources_of_one_object_are_found_together() -> None:
    resources = [
        resource("ServiceAccount", "ServiceAccount", OWN),
        resource("ServiceAccountPatch", "ServiceAccountPatch", LOST),
        resource("ServiceAccount", "ServiceAccount", "pulumi-kubernetes-replaced", delete=True),
        {"type": "kubernetes:helm.sh/v3:Release", "outputs": {"name": "till"}},
        {"type": "command:remote:Command"},
    ]
    found = managers_in_state({"deployment": {"resources": resources}})
    assert found == {ObjectKey("ServiceAccount", "shop", "till", "v1"): [OWN, LOST]}


@pytest.mark.parametrize(
    ("entries", "own", "expected"),
    [
        pytest.param([entry(OWN), KUBELET], [OWN], [entry(OWN), KUBELET], id="own"),
        pytest.param([entry(LOST), KUBELET], [OWN], [entry(OWN), KUBELET], id="renamed"),
        pytest.param([KUBELET, entry(LOST), entry(OWN)], [OWN], [KUBELET, entry(OWN)], id="both"),
        pytest.param([entry(LOST), KUBELET], [OWN, "other"], [entry(OWN), KUBELET], id="one-for-two"),
        pytest.param(
            [entry(LOST), entry(LOST + "3")], [OWN, "other"], [entry(OWN), entry("other")], id="two-for-two"
        ),
        pytest.param([entry(LOST), entry(LOST + "3")], [OWN], [entry(OWN)], id="two-for-one"),
        pytest.param([entry("kubectl")], [OWN], [entry("kubectl")], id="of-a-user"),
        pytest.param(
            [entry(LOST, subresource="status")], [OWN], [entry(LOST, subresource="status")], id="status"
        ),
    ],
)
def test_managers_of_other_stacks_are_replaced(
    entries: list[dict[str, str]], own: list[str], expected: list[dict[str, str]]
) -> None:
    assert reassign(entries, own) == expected


KEY = ObjectKey("ConfigMap", "shop", "till", "v1")
PATH = "/api/v1/namespaces/shop/configmaps/till"


class BusyApi:
    """An API with one object, which another client changes after each of the first reads."""

    def __init__(self, changes: int) -> None:
        self.changes, self.version = changes, 1
        self.entries: list[Any] = [entry(LOST)]

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        if path == "/api/v1":
            return {"resources": [{"kind": "ConfigMap", "name": "configmaps", "namespaced": True}]}
        assert path == PATH
        read = {"managedFields": [*self.entries], "resourceVersion": str(self.version)}
        if self.changes:
            self.changes, self.version = self.changes - 1, self.version + 1
            self.entries = [*self.entries, {**KUBELET, "time": str(self.version)}]
        return {"metadata": read}

    def patch(self, path: str, body: Mapping[str, Any]) -> None:
        assert path == PATH
        if body["metadata"]["resourceVersion"] != str(self.version):
            raise ApiError("the object has been modified", 409)
        self.entries = body["metadata"]["managedFields"]


def test_object_that_others_change_is_read_again() -> None:
    api = BusyApi(changes=2)
    shown: list[str] = []
    assert assign_fields(cast(ApiClient, api), {KEY: [OWN]}, shown.append) == 0
    assert [item["manager"] for item in api.entries] == [OWN, "kubelet", "kubelet"]
    assert shown == ["assigned the fields of 1 objects to this stack"]


def test_object_that_always_changes_is_a_failure() -> None:
    api = BusyApi(changes=1000)
    shown: list[str] = []
    assert assign_fields(cast(ApiClient, api), {KEY: [OWN]}, shown.append) == 1
    assert "the object has been modified" in shown[0]
    assert api.changes > 900, "the number of attempts has a limit"
