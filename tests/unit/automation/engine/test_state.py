"""Tests of what an exported state has."""

from __future__ import annotations

import pytest

from automation.engine.state import has_only_keys, resources_of

STACK = {"type": "pulumi:pulumi:Stack", "custom": False}
COMPONENT = {"type": "kubewright:index:Pki", "custom": False}
PROVIDER = {"type": "pulumi:providers:tls", "custom": True}
KEY = {"type": "tls:index/privateKey:PrivateKey", "custom": True}
DELIVERY = {"type": "command:remote:Command", "custom": True}
BUCKET = {"type": "aws:s3/bucket:Bucket", "custom": True}


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([STACK, COMPONENT, PROVIDER, KEY], True),
        ([STACK, COMPONENT, PROVIDER, KEY, DELIVERY], False),
        ([KEY, BUCKET], False),
        ([STACK, PROVIDER], False),
        ([], False),
    ],
)
def test_state_of_copied_keys_has_nothing_else(resources: list[dict[str, object]], *, expected: bool) -> None:
    assert has_only_keys({"deployment": {"resources": resources}}) is expected


@pytest.mark.parametrize("state", [{}, {"deployment": None}, {"deployment": {"resources": None}}])
def test_stack_that_was_never_deployed_has_no_resources(state: dict[str, object]) -> None:
    assert resources_of(state) == []
    assert not has_only_keys(state)
