"""Tests of the differences of a Helm release."""

from __future__ import annotations

import copy
import json
from typing import Any

from automation.releases.drift import (
    RELEASE_TYPE,
    InstalledRelease,
    ReleaseDifference,
    compare_objects,
    compare_record,
    releases_in_state,
)
from automation.releases.record import parse_record
from automation.signatures import SECRET_SIGNATURE, SIGNATURE
from tests.unit.automation.releases.test_record import RELEASE, secret

VALUES = {"password": "open-sesame"}
INSTALLED = InstalledRelease(namespace="shop", name="web", version="1.2.0", values=VALUES)
CONTAINER = {"image": "a:1", "env": [{"name": "A", "value": "open-sesame"}]}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "resourceVersion": "1", "labels": {"app": "web"}},
    "spec": {
        "replicas": 2,
        "template": {
            "spec": {"containers": [{"image": "a:1", "env": [{"name": "A", "value": "open-sesame"}]}]}
        },
    },
    "status": {"replicas": 2},
}


def state_of(values: object, **changes: object) -> dict[str, Any]:
    resource = {
        "type": RELEASE_TYPE,
        "custom": True,
        "inputs": {"name": "web", "namespace": "shop", "values": values},
        "outputs": {"version": "1.2.0"},
        **changes,
    }
    return {"deployment": {"resources": [resource, {"type": "other"}]}}


def test_releases_of_a_state_have_plain_values() -> None:
    hidden = {SIGNATURE: SECRET_SIGNATURE, "plaintext": json.dumps("open-sesame")}
    assert releases_in_state(state_of({"password": hidden})) == [INSTALLED]
    whole = {SIGNATURE: SECRET_SIGNATURE, "plaintext": json.dumps(VALUES)}
    assert releases_in_state(state_of(whole)) == [INSTALLED]
    assert releases_in_state(state_of(VALUES, delete=True)) == []
    assert "open-sesame" not in repr(INSTALLED)


def differences(**changes: object) -> list[str]:
    changes.setdefault("info", {"status": "deployed"})
    record = parse_record(secret(3, compress=True, **changes))
    return [difference.description for difference in compare_record(INSTALLED, record)]


def test_record_of_the_last_up_does_not_differ() -> None:
    assert RELEASE["config"] == VALUES
    assert differences() == []


def test_changed_record_is_named_without_values() -> None:
    assert differences(info={"status": "failed"}) == ["status failed"]
    assert differences(config={"password": "other"}) == ["values are not those of the last `up`"]
    chart = {"metadata": {"name": "web", "version": "1.3.0"}}
    assert differences(chart=chart) == ["chart version 1.3.0 instead of 1.2.0"]


def test_missing_record_is_a_difference() -> None:
    (difference,) = compare_record(INSTALLED, None)
    assert difference.description.startswith("is not installed")


def changed(**changes: Any) -> list[ReleaseDifference]:  # noqa: ANN401
    found = copy.deepcopy(DEPLOYMENT)
    found["metadata"]["resourceVersion"] = "2"
    found["status"] = {}
    for path, value in changes.items():
        found["spec"][path] = value
    return compare_objects([DEPLOYMENT], [found])


def test_fields_of_the_server_do_not_differ() -> None:
    assert changed() == []


def test_numbers_and_images_are_shown_and_other_texts_are_not() -> None:
    assert changed(replicas=5) == [ReleaseDifference("Deployment shop/web", "spec.replicas: 5 instead of 2")]
    container = {"image": "b:1", "env": [{"name": "A", "value": "other-secret"}]}
    (difference,) = changed(template={"spec": {"containers": [container]}})
    assert difference.description == (
        "spec.template.spec.containers[0].image: b:1 instead of a:1, "
        "spec.template.spec.containers[0].env[0].value: changed"
    )


def test_added_and_removed_fields_are_named() -> None:
    found = copy.deepcopy(DEPLOYMENT)
    del found["metadata"]["labels"]
    found["spec"]["paused"] = True
    (difference,) = compare_objects([DEPLOYMENT], [found])
    assert difference.description == "metadata.labels: removed, spec.paused: added"


def test_deleted_object_is_named() -> None:
    assert compare_objects([DEPLOYMENT], []) == [ReleaseDifference("Deployment shop/web", "was deleted")]


def test_content_of_a_secret_is_never_shown() -> None:
    wanted = {
        "kind": "Secret",
        "metadata": {"name": "web", "namespace": "shop"},
        "data": {"image": "b3Blbg=="},
    }
    (difference,) = compare_objects([wanted], [{**wanted, "data": {"image": "c2VzYW1l"}}])
    assert difference == ReleaseDifference("Secret shop/web", "data.image: changed")
