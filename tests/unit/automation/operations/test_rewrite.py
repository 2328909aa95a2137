"""Tests of `encryption rewrite`: every object is patched once, and failures are counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest

from automation.environment import Environment
from automation.errors import UserError
from automation.operations import encrypted_objects, encryption
from automation.operations.api_client import ApiClient, ApiError
from automation.operations.encrypted_objects import ObjectCount
from automation.operations.rewrite import find_resources, rewrite
from automation.operations.target import Target
from testkit.bundles import cluster

KEY_1 = "k8s:enc:secretbox:v1:key1:"
READ_ONLY, WRITABLE = ["get", "list"], ["get", "list", "patch"]


class FakeApi:
    """An API with two groups. `outdated` are paths of objects that a patch writes again.

    `answers` has the errors of the next requests by path.
    """

    def __init__(self, objects: dict[str, list[str]]) -> None:
        self.objects = objects
        self.outdated: set[str] = set()
        self.answers: dict[str, list[ApiError]] = {}
        self.patched: list[str] = []

    def get(self, path: str, accept: str = "") -> Any:  # noqa: ANN401
        place, query = urlsplit(path).path, parse_qs(urlsplit(path).query)
        self._fail(place if not query.get("continue") else f"{place}?continue")
        match place:
            case "/api/v1":
                names = {"secrets": WRITABLE, "configmaps": WRITABLE, "bindings": ["create"]}
                names |= {"secrets/status": WRITABLE, "componentstatuses": READ_ONLY}
                return {"resources": [{"name": name, "verbs": verbs} for name, verbs in names.items()]}
            case "/apis":
                return {"groups": [{"preferredVersion": {"groupVersion": "example.com/v2"}}]}
            case "/apis/example.com":
                return {"preferredVersion": {"groupVersion": "example.com/v2"}}
            case "/apis/example.com/v2":
                return {"resources": [{"name": "cars", "verbs": WRITABLE}]}
        if place not in self.objects:
            raise ApiError("not found", 404)
        listed = self.objects[place]
        start = int(query.get("continue", ["0"])[0])
        page = listed[start : start + 2]
        metadata = {"continue": str(start + 2)} if start + 2 < len(listed) else {}
        items = [{"metadata": self._metadata(name)} for name in page]
        return {"items": items or None, "metadata": metadata}  # as for custom resources without objects

    def patch(self, path: str, body: dict[str, Any], accept: str = "") -> Any:  # noqa: ANN401
        assert body == {}
        self._fail(path)
        self.patched.append(path)
        version = "2" if path in self.outdated else "1"
        return {"metadata": {"resourceVersion": version}}

    def _fail(self, path: str) -> None:
        if self.answers.get(path):
            raise self.answers[path].pop(0)

    def _metadata(self, name: str) -> dict[str, str]:
        namespace, _, name = name.rpartition("/")
        return {"name": name, "resourceVersion": "1"} | ({"namespace": namespace} if namespace else {})

    @property
    def client(self) -> ApiClient:
        return cast(ApiClient, self)


SECRETS = [f"default/s-{number}" for number in range(5)]


@pytest.fixture
def api() -> FakeApi:
    return FakeApi({"/api/v1/secrets": SECRETS, "/apis/example.com/v2/cars": ["red"]})


def test_every_object_is_patched_once_over_all_pages(api: FakeApi) -> None:
    api.outdated = {"/api/v1/namespaces/default/secrets/s-3"}
    lines: list[str] = []
    result = rewrite(api.client, ["secrets", "cars.example.com"], lines.append)
    expected = [f"/api/v1/namespaces/{name.replace('/', '/secrets/')}" for name in SECRETS]
    assert sorted(api.patched) == [*expected, "/apis/example.com/v2/cars/red"]
    assert (result.written, result.current, result.failures) == (1, 5, [])
    assert lines == ["secrets: 5 objects", "cars.example.com: 1 objects"]


def test_a_resource_without_objects_is_complete(api: FakeApi) -> None:
    api.objects["/apis/example.com/v2/cars"] = []
    lines: list[str] = []
    result = rewrite(api.client, ["cars.example.com"], lines.append)
    assert (result.written, result.current, result.failures) == (0, 0, [])
    assert lines == ["cars.example.com: 0 objects"]


def test_an_expired_list_begins_again(api: FakeApi) -> None:
    api.answers["/api/v1/secrets?continue"] = [ApiError("expired", 410)]
    rewrite(api.client, ["secrets"], lambda _: None)
    assert {path.rpartition("/")[2] for path in api.patched} == {name.split("/")[1] for name in SECRETS}


def test_a_deleted_object_is_no_failure_and_a_rejected_object_is(api: FakeApi) -> None:
    place = "/api/v1/namespaces/default/secrets"
    api.answers = {
        f"{place}/s-0": [ApiError("gone", 404)],
        f"{place}/s-1": [ApiError("webhook says no", 403)],
    }
    lines: list[str] = []
    result = rewrite(api.client, ["secrets"], lines.append)
    assert result.failures == ["secrets default/s-1: webhook says no"]
    assert "failed: secrets default/s-1: webhook says no" in lines
    assert len(api.patched) == 3


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["*."], ["secrets", "configmaps"]),
        (["*.example.com"], ["cars.example.com"]),
        (["secrets", "*.*"], ["secrets", "configmaps", "cars.example.com"]),
        (["trucks.example.com"], []),
    ],
)
def test_wildcards_are_the_writable_resources_of_a_group(
    api: FakeApi, names: list[str], expected: list[str]
) -> None:
    assert [item.name for item in find_resources(api.client, names)] == expected


def test_a_group_that_the_api_does_not_serve_has_no_objects(api: FakeApi) -> None:
    api.answers["/apis/unknown.com"] = [ApiError("not found", 404)]
    assert find_resources(api.client, ["*.unknown.com"]) == []


# The client ------------------------------------------------------------------------------------


def client_with_answers(monkeypatch: pytest.MonkeyPatch, *answers: object) -> tuple[ApiClient, list[str]]:
    client, sent = ApiClient.__new__(ApiClient), list[str]()
    remaining = list(answers)

    def send(method: str, path: str, *_: object) -> object:
        sent.append(method)
        answer = remaining.pop(0)
        if isinstance(answer, ApiError):
            raise answer
        return answer

    monkeypatch.setattr(client, "_send", send)
    monkeypatch.setattr("time.sleep", lambda _: None)
    return client, sent


@pytest.mark.parametrize("status", [0, 409, 429, 503])
def test_temporary_failures_are_repeated(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    client, sent = client_with_answers(
        monkeypatch, ApiError("busy", status), ApiError("busy", status), {"a": 1}
    )
    assert client.patch("/x", {}) == {"a": 1}
    assert sent == ["PATCH"] * 3


def test_a_rejected_request_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    client, sent = client_with_answers(monkeypatch, ApiError("no", 403))
    with pytest.raises(ApiError, match="no"):
        client.get("/x")
    assert sent == ["GET"]


def test_a_request_is_not_repeated_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    client, sent = client_with_answers(monkeypatch, *[ApiError("down") for _ in range(20)])
    with pytest.raises(ApiError, match="down"):
        client.get("/x")
    assert len(sent) < 10


# The command -----------------------------------------------------------------------------------


@pytest.fixture
def target(tmp_path: Path) -> Target:
    environment = Environment(state=tmp_path, cache=tmp_path)
    fields = SimpleNamespace(
        stack="t",
        environment=environment,
        topology=cluster(),
        remote=None,
        settings=SimpleNamespace(metal=object()),
    )
    return cast(Target, fields)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that sets the counts of objects in etcd."""

    def set_counts(*counts: ObjectCount) -> None:
        monkeypatch.setattr(encrypted_objects, "count_objects", lambda *_: list(counts))

    return set_counts


def test_the_command_fails_while_objects_are_outdated(
    target: Target,
    api: FakeApi,
    counted: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(encryption, "_client", lambda *_: api.client)
    counted(ObjectCount("secrets", KEY_1, 5))
    assert encryption.rewrite_objects(target) == encryption.show(target) == 0
    counted(ObjectCount("secrets", KEY_1, 5), ObjectCount("secrets", "", 2))
    assert encryption.rewrite_objects(target) == encryption.show(target) == 1
    output = capsys.readouterr().out
    assert "outdated: 2 secrets not encrypted; run `up` if the stack file changed" in output
    assert "key1" in output


def test_the_command_fails_when_an_object_could_not_be_written(
    target: Target, api: FakeApi, counted: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption, "_client", lambda *_: api.client)
    counted()
    api.answers = {"/api/v1/namespaces/default/secrets/s-1": [ApiError("no", 403)]}
    assert encryption.rewrite_objects(target) == 1


def test_in_a_cloud_objects_are_rewritten_and_not_counted(
    target: Target, api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(encryption, "_client", lambda *_: api.client)
    cloud = cast(Target, SimpleNamespace(**{**vars(target), "settings": SimpleNamespace(metal=None)}))
    assert encryption.rewrite_objects(cloud) == 0
    assert "were not counted" in capsys.readouterr().out
    with pytest.raises(UserError, match="counted over SSH"):
        encryption.show(cloud)


def test_without_a_kubeconfig_the_command_says_so(target: Target) -> None:
    with pytest.raises(UserError, match="stack t: no kubeconfig on this machine yet; run `up` first"):
        encryption.rewrite_objects(target)


def test_an_api_that_does_not_answer_is_an_error_of_the_stack(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = client_with_answers(monkeypatch, *[ApiError("the API does not answer") for _ in range(9)])
    monkeypatch.setattr(encryption, "_client", lambda *_: client)
    with pytest.raises(UserError, match="stack t: the API does not answer; run the command again"):
        encryption.rewrite_objects(target)
