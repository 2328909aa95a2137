"""Tests that deliveries are read from the engine's state."""

from __future__ import annotations

from automation.deliveries import deliveries_from_state
from automation.signatures import SECRET_SIGNATURE, SIGNATURE


def command(name: str, **inputs: object) -> dict[str, object]:
    return {
        "type": "command:remote:Command",
        "urn": f"urn:pulumi:ha::kubewright::command:remote:Command::{name}",
        "inputs": inputs,
    }


def test_deliveries_have_their_secrets_but_never_print_them() -> None:
    secret = {SIGNATURE: SECRET_SIGNATURE, "plaintext": '"SECRET"'}
    state = {
        "deployment": {
            "resources": [
                command("w-1-node", create="n", stdin=secret),
                command("cluster-farewell", create="f"),
                command("cp-1-control-plane", create="c", stdin=secret),
                command("cp-1-etcd", create="e", stdin=secret),
                {**command("cp-1-etcd", create="old", stdin=secret), "delete": True},
                {"type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:ha::kubewright::x::y"},
            ]
        }
    }
    deliveries = deliveries_from_state(state)
    assert [(item.host, item.role.value, item.script) for item in deliveries] == [
        ("cp-1", "etcd", "e"),
        ("cp-1", "control-plane", "c"),
        ("w-1", "node", "n"),
    ]
    assert {item.stdin for item in deliveries} == {"SECRET"}
    assert "SECRET" not in repr(deliveries)
    assert deliveries_from_state({"deployment": None}) == []
