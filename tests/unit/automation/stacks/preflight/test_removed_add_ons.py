"""Tests that `up` removes no add-on while objects wait for its program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from automation.engine.program import Engine
from automation.errors import UserError
from automation.lab_stack import CLUSTER_KEY
from automation.operations.api_client import ApiError
from automation.stacks.preflight import removed_add_ons
from tests.unit.components.conftest import Deploy, deploy
from tests.unit.components.graph import Json, cluster_config

__all__ = ["deploy"]

KEDA, OTHER = "finalizer.keda.sh", "example.com/finalizer"
SCALED = "/apis/keda.sh/v1alpha1/scaledobjects"
TRIGGERS = "/apis/keda.sh/v1alpha1/triggerauthentications"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def state(deploy: Deploy, directory: Path) -> Json:
    """Return the state of a cluster with KEDA and cert-manager."""
    addons: Json = {"keda": {}, "cert_manager": {}}
    graph = deploy(cluster_config(directory, workers=2, addons=addons))
    resources = [
        {"type": node.type, "urn": node.urn, "parent": node.parent, "inputs": node.inputs}
        for node in graph.nodes.values()
    ]
    return {"deployment": {"resources": resources}}


class Api:
    """The API of a cluster with objects by path: their names and finalizers."""

    def __init__(self, objects: Mapping[str, Mapping[str, list[str]]]) -> None:
        self.objects = objects
        self.error: ApiError | None = None
        self.paths: list[str] = []

    def get(self, path: str, accept: str = "") -> Json:
        assert "as=PartialObjectMetadataList" in accept, "the content of objects is not needed"
        path = path.partition("?")[0]
        self.paths.append(path)
        if self.error is not None:
            raise self.error
        items = [
            {"metadata": {"namespace": "work", "name": name, "finalizers": finalizers}}
            for name, finalizers in self.objects.get(path, {}).items()
        ]
        return {"items": items or None, "metadata": {}}  # an empty list of custom resources is null


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    found = Api({})
    monkeypatch.setattr(removed_add_ons, "ApiClient", lambda _: found)
    return found


def engine(directory: Path, state: Json, work: Path, addons: Json) -> Engine:
    """Return an engine with a stack file with these add-ons, and with a state."""
    config = {CLUSTER_KEY: cluster_config(directory, workers=2, addons=addons)}
    fields = SimpleNamespace(
        workspace=SimpleNamespace(config=config, stack="prod", directory=work),
        capture=lambda *_: json.dumps(state),
        read_output=lambda _: "{}",
    )
    return cast(Engine, fields)


@pytest.fixture
def without_keda(directory: Path, state: Json, tmp_path: Path) -> Engine:
    return engine(directory, state, tmp_path, {"cert_manager": {}})


def test_objects_that_wait_for_the_operator_refuse_the_removal(
    without_keda: Engine, state: Json, api: Api
) -> None:
    api.objects = {SCALED: {"worker": [KEDA]}, TRIGGERS: {"login": [KEDA]}}
    with pytest.raises(UserError) as error:
        removed_add_ons.begin(without_keda, lambda: state)
    assert str(error.value) == (
        "stack prod: addons.keda: the stack file removes the add-on, but these objects have finalizers that "
        "only the add-on removes: scaledobjects.keda.sh work/worker, triggerauthentications.keda.sh "
        "work/login; nothing was changed; delete the objects while the add-on runs: `kubectl delete "
        "scaledobjects.keda.sh,triggerauthentications.keda.sh --all --all-namespaces`, then run `up` again"
    )
    assert not [path for path in api.paths if "cert-manager" in path], "cert-manager remains"


@pytest.mark.parametrize("finalizers", [[], [OTHER]])
def test_other_objects_do_not_refuse_it(
    without_keda: Engine, state: Json, api: Api, finalizers: list[str]
) -> None:
    api.objects = {SCALED: {"worker": finalizers}}
    removed_add_ons.begin(without_keda, lambda: state)
    assert {SCALED, TRIGGERS} <= {*api.paths}


def test_all_definitions_of_removed_add_ons_are_found(
    directory: Path, state: Json, tmp_path: Path, api: Api
) -> None:
    challenges = "/apis/acme.cert-manager.io/v1/challenges"
    api.objects = {challenges: {"site": ["acme.cert-manager.io/finalizer"]}, SCALED: {"worker": [KEDA]}}
    with pytest.raises(UserError) as error:
        removed_add_ons.begin(engine(directory, state, tmp_path, {}), lambda: state)
    settings = {line.split(": ")[1] for line in str(error.value).splitlines()}
    assert settings == {"addons.cert_manager", "addons.keda"}
    assert "challenges.acme.cert-manager.io work/site" in str(error.value)


def test_a_definition_that_does_not_exist_has_no_objects(without_keda: Engine, state: Json, api: Api) -> None:
    api.error = ApiError("not found", 404)
    removed_add_ons.begin(without_keda, lambda: state)
    assert api.paths


def test_up_needs_an_answer_and_a_preview_does_not(without_keda: Engine, state: Json, api: Api) -> None:
    api.error = ApiError("the API at 10.0.0.1:6443 does not answer: timeout")
    with pytest.raises(UserError, match="does not answer: timeout; nothing was changed; run `up` again"):
        removed_add_ons.begin(without_keda, lambda: state)
    shown: list[str] = []
    removed_add_ons.check_preview(without_keda, shown.append)
    assert len(shown) == 1
    assert "addons.keda: objects with finalizers could not be listed" in shown[0]


def test_a_cluster_that_keeps_its_add_ons_is_not_asked(
    directory: Path, state: Json, tmp_path: Path, api: Api
) -> None:
    api.objects = {SCALED: {"worker": [KEDA]}}
    removed_add_ons.begin(engine(directory, state, tmp_path, {"keda": {}, "cert_manager": {}}), lambda: state)
    assert api.paths == []


def test_state_is_read_only_after_a_change_of_add_ons(
    directory: Path, state: Json, tmp_path: Path, api: Api
) -> None:
    unread: Any = engine(directory, state, tmp_path, {"keda": {}})
    unread.capture = lambda *_: pytest.fail("the state is read")
    removed_add_ons.record_success(unread)
    removed_add_ons.check_preview(unread, print)
    without: Any = engine(directory, state, tmp_path, {})
    api.objects = {SCALED: {"worker": [KEDA]}}
    with pytest.raises(UserError, match=r"addons\.keda"):
        removed_add_ons.check_preview(without, print)


def test_a_failed_up_leaves_no_record(directory: Path, state: Json, tmp_path: Path, api: Api) -> None:
    """Test that an add-on that a failed `up` has created is found when its lines are removed."""
    empty: Json = {"deployment": {"resources": []}}
    removed_add_ons.record_success(engine(directory, empty, tmp_path, {}))
    removed_add_ons.begin(engine(directory, empty, tmp_path, {"keda": {}}), lambda: empty)  # this `up` fails
    api.objects = {SCALED: {"worker": [KEDA]}}
    with pytest.raises(UserError, match=r"addons\.keda"):
        removed_add_ons.begin(engine(directory, state, tmp_path, {}), lambda: state)
