"""Tests of the texts of errors, and of masked secrets in errors."""

from __future__ import annotations

from typing import Any

from lab.plugins.kubernetes import helm
from lab.plugins.kubernetes.errors import api_error
from lab.plugins.kubernetes.helm import mask_secrets
from redaction import MASK


def conflict(*pairs: tuple[str, str]) -> dict[str, Any]:
    """Return a response of the API server about conflicts, from pairs of field and manager."""
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{manager}" using apps/v1',
            "field": field,
        }
        for field, manager in pairs
    ]
    return {
        "reason": "Conflict",
        "message": "Apply failed with 2 conflicts: …",
        "details": {"causes": causes},
    }


def test_conflict_error_names_fields_managers_and_remedy() -> None:
    body = conflict((".spec.replicas", "hpa"), (".spec.paused", "kubectl"), (".spec.strategy", "hpa"))
    text = str(api_error("Deployment web/shop", 409, body))
    assert text.startswith("Deployment web/shop: fields are managed by someone else: ")
    assert 'spec.replicas, spec.strategy (set by "hpa" using apps/v1)' in text
    assert 'spec.paused (set by "kubectl" using apps/v1)' in text
    assert 'pulumi.com/patchForce: "true"' in text
    assert "\n" not in text


def test_conflict_without_causes_shows_the_message_of_the_server() -> None:
    text = str(
        api_error("ConfigMap a/b", 409, {"reason": "Conflict", "message": "the object has been modified"})
    )
    assert text == "ConfigMap a/b: the object has been modified"


def test_objects_in_a_server_message_are_omitted() -> None:
    message = 'Pod "x" is invalid: spec: Invalid value: {"env":[{"value":"sesame"}]}: may not change\nfields'
    text = str(api_error("Pod a/x", 422, {"message": message}))
    assert "sesame" not in text
    assert "may not change fields" in text


def test_errors_for_existing_objects_and_bad_credentials_have_a_remedy() -> None:
    assert "pulumi import" in str(
        api_error("ConfigMap a/b", 409, {"reason": "AlreadyExists", "message": "x"})
    )
    assert "credentials" in str(api_error("ConfigMap a/b", 401, {"message": "Unauthorized"}))


def test_secrets_are_masked_longest_first_except_for_short_words() -> None:
    text = mask_secrets("open-sesame and open, at a", ["open", "open-sesame", "a", " "])
    assert text == "[secret] and [secret], at a"


def test_mask_is_the_mask_of_the_redaction() -> None:
    assert helm.MASK == MASK
