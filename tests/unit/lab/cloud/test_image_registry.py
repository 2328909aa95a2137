"""Tests of the emulated image registry of AWS: only tokens of a machine whose role allows the action."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping

import pytest

from lab.cloud.aws import registry
from lab.cloud.aws.calls import Call
from lab.cloud.aws.policy import is_allowed
from lab.cloud.aws.registry import Answer, ImageRegistry
from lab.cloud.aws.signature import RequestRefused
from lab.cloud.running import RunningMachine
from providers.aws.names import Names
from providers.aws.permissions import image_statements
from providers.aws.policies import policy_document, template_values
from settings.aws import AwsImageRegistrySettings
from tests.unit.lab.machines import MACHINE

HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
MANIFEST, LAYER = "/v2/library/busybox/manifests/1.35", "/v2/library/busybox/blobs/sha256:00"
REGISTRIES = (AwsImageRegistrySettings(account="123456789012", region="eu-central-1"),)


def fetch(method: str, path: str, headers: Mapping[str, str]) -> Answer:
    """Return a body that shows the request, as a registry would return an image."""
    returned = {"Content-Type": "text/plain", "Server": "lab"}
    return Answer(200, returned, f"{method} {path} {headers.get('Accept', '')}".encode())


class PolicyCheck:
    """Checks calls against a policy, and records them."""

    def __init__(self, policy: str) -> None:
        self.policy = policy
        self.actions: list[str] = []

    def __call__(self, machine: RunningMachine, call: Call, address: str) -> None:
        self.actions.append(call.action)
        if address != machine.address or not is_allowed([self.policy], call.action, call.resources[0], {}):
            raise RequestRefused("AccessDenied", f"may not {call.action}")


def policy_without(action: str = "") -> str:
    """Return the policy of a node with image registries, without one action."""
    values = template_values(Names(cluster="test", region="eu-central-1"))
    document = json.loads(policy_document(image_statements(REGISTRIES), values))
    for statement in document["Statement"]:
        statement["Action"] = [item for item in statement["Action"] if item != action]
    return json.dumps(document)


def authorization(images: ImageRegistry) -> dict[str, str]:
    """Return the header of a request with a new token of the machine."""
    (data,) = images.respond("GetAuthorizationToken", MACHINE)["authorizationData"]
    return {"authorization": f"Basic {data['authorizationToken']}"}


def serve(
    images: ImageRegistry,
    headers: Mapping[str, str],
    path: str = MANIFEST,
    method: str = "GET",
    host: str = HOST,
    address: str = MACHINE.address,
) -> Answer:
    return images.serve(method, path, {"ns": host}, headers, address)


def test_image_is_served_to_a_token_of_a_machine() -> None:
    images = ImageRegistry(fetch, PolicyCheck(policy_without()))
    answer = serve(images, authorization(images) | {"accept": "application/json"})
    assert answer.status == 200
    assert answer.body == f"GET {MANIFEST} application/json".encode()
    assert answer.headers == {"Content-Type": "text/plain"}
    assert serve(images, authorization(images), "/v2/").status == 200


@pytest.mark.parametrize("text", ["", "AWS:guessed", "no colon"])
def test_other_credentials_are_refused(text: str) -> None:
    images = ImageRegistry(fetch, PolicyCheck(policy_without()))
    authorization(images)
    header = f"Basic {base64.b64encode(text.encode()).decode()}"
    for headers in ({"authorization": header}, {"authorization": "Bearer x"}, {}):
        answer = serve(images, headers)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_token_ends_after_its_lifetime(monkeypatch: pytest.MonkeyPatch) -> None:
    images = ImageRegistry(fetch, PolicyCheck(policy_without()))
    headers = authorization(images)
    later = time.time() + registry.TOKEN_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert serve(images, headers).status == 401


@pytest.mark.parametrize(
    ("action", "method", "path"),
    [
        ("ecr:BatchGetImage", "GET", MANIFEST),
        ("ecr:BatchGetImage", "HEAD", MANIFEST),
        ("ecr:GetDownloadUrlForLayer", "GET", LAYER),
    ],
)
def test_each_request_needs_its_permission(action: str, method: str, path: str) -> None:
    images = ImageRegistry(fetch, PolicyCheck(policy_without()))
    assert serve(images, authorization(images), path, method).status == 200
    images = ImageRegistry(fetch, PolicyCheck(policy_without(action)))
    headers = authorization(images)
    with pytest.raises(RequestRefused, match=action):
        serve(images, headers, path, method)


def test_nodes_cannot_ask_whether_a_layer_exists() -> None:
    """containerd sends no HEAD requests for layers, so nodes have no permission for them."""
    images = ImageRegistry(fetch, PolicyCheck(policy_without()))
    with pytest.raises(RequestRefused, match="ecr:BatchCheckLayerAvailability"):
        serve(images, authorization(images), LAYER, "HEAD")


def test_permissions_are_limited_to_the_registry_and_the_token_to_its_machine() -> None:
    images = ImageRegistry(fetch, PolicyCheck(policy_without()))
    headers = authorization(images)
    for host in (HOST.replace("123456789012", "210987654321"), HOST.replace("eu-central", "eu-west")):
        with pytest.raises(RequestRefused, match="may not"):
            serve(images, headers, host=host)
    with pytest.raises(RequestRefused, match="may not"):
        serve(images, headers, address="10.0.0.11")


def test_only_pulls_and_tokens_are_emulated() -> None:
    images = ImageRegistry(fetch, PolicyCheck(policy_without()))
    headers = authorization(images)
    for method, path, host in (
        ("PUT", MANIFEST, HOST),
        ("GET", "/v2/_catalog", HOST),
        ("GET", MANIFEST, "docker.io"),
    ):
        with pytest.raises(RequestRefused, match="is not emulated"):
            serve(images, headers, path, method, host)
    with pytest.raises(RequestRefused, match="is not emulated"):
        images.respond("CreateRepository", MACHINE)
    with pytest.raises(RequestRefused, match="is not emulated"):
        images.respond("GetAuthorizationToken", None)
