"""Tests of requests and responses of the gRPC server of the generic stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2 as proto

from lab.plugins.generic.packages import PACKAGES
from lab.plugins.generic.provider import GenericProvider
from lab.plugins.generic.server import GenericServicer

BLOB = "urn:pulumi:dev::kubewright::azure-native:storage:Blob::bundle"
TEMPLATE = "urn:pulumi:dev::kubewright::aws:ec2/launchTemplate:LaunchTemplate::machine"


class CallAborted(Exception):
    """The error of an aborted gRPC call. Its text is the error that the engine would receive."""


class FakeContext:
    """A fake of the context of a gRPC call, whose `abort` raises CallAborted."""

    async def abort(self, code: object, details: str) -> None:
        raise CallAborted(details)


def call(package: str, method: str, request: Message, *, handshake: Message | None = None) -> dict[str, Any]:
    """Call a method of the server of a package and return the response as plain data.

    `handshake` is a handshake request that is sent before the call.
    """

    async def send() -> Message:
        servicer = GenericServicer(GenericProvider(PACKAGES[package]))
        if handshake is not None:
            await servicer.Handshake(handshake, FakeContext())  # type: ignore[arg-type]
        response: Message = await getattr(servicer, method)(request, FakeContext())
        return response

    return json_format.MessageToDict(asyncio.run(send()))


def struct(values: Mapping[str, Any]) -> Struct:
    """Return plain data as a protocol message."""
    message = Struct()
    message.update(values)
    return message


def asset(hash_: str, text: str = "") -> dict[str, str]:
    """Return a property value for an asset with this hash."""
    properties = {rpc._special_sig_key: rpc._special_asset_sig, "hash": hash_}
    return properties | ({"text": text} if text else {})


def blob(source: Mapping[str, str]) -> Struct:
    """Return the properties of an Azure Blob with this source."""
    names = {"resourceGroupName": "g", "accountName": "a", "containerName": "c", "blobName": "k"}
    return struct(names | {"source": source})


def test_asset_keeps_its_hash() -> None:
    response = call("azure-native", "Check", proto.CheckRequest(urn=BLOB, news=blob(asset("1", "one"))))
    assert response["inputs"]["source"] == asset("1", "one")
    request = proto.CreateRequest(urn=BLOB, properties=blob(asset("1", "one")), preview=True)
    assert call("azure-native", "Create", request)["properties"]["source"] == asset("1", "one")


def test_assets_are_compared_by_hash() -> None:
    def diff(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Any]:
        return call("azure-native", "Diff", proto.DiffRequest(urn=BLOB, old_inputs=blob(old), news=blob(new)))

    assert diff(asset("1"), asset("1", "one"))["changes"] == "DIFF_NONE"
    changed = diff(asset("1"), asset("2"))
    assert changed["changes"] == "DIFF_SOME"
    assert changed["replaces"] == ["source"]
    assert changed["detailedDiff"] == {"source": {"kind": "UPDATE_REPLACE", "inputDiff": True}}


def test_diff_compares_old_inputs_and_ignores_old_outputs() -> None:
    inputs = {"name": "machine", "userData": "eA=="}
    request = proto.DiffRequest(
        urn=TEMPLATE,
        old_inputs=struct(inputs | {"__defaults": []}),
        olds=struct({"name": "machine", "defaultVersion": 1, "latestVersion": 3, "disableApiStop": False}),
        news=struct(inputs),
    )
    assert call("aws", "Diff", request)["changes"] == "DIFF_NONE"


def test_secrets_are_returned_as_secrets() -> None:
    secret = {rpc._special_sig_key: rpc._special_secret_sig, "value": "swordfish"}
    request = proto.CheckRequest(urn=TEMPLATE, news=struct({"name": "machine", "userData": secret}))
    assert call("aws", "Check", request)["inputs"]["userData"] == secret


def test_diff_of_provider_settings() -> None:
    request = proto.DiffRequest(old_inputs=struct({"region": "a"}), news=struct({"region": "b"}))
    assert call("aws", "DiffConfig", request)["replaces"] == ["region"]


def test_function_outside_a_preview_is_refused_if_the_engine_reports_previews() -> None:
    function = "azure-native:authorization:getClientConfig"
    handshake = proto.ProviderHandshakeRequest(invoke_with_preview=True)
    in_preview = proto.InvokeRequest(tok=function, preview=True)
    assert "subscriptionId" in call("azure-native", "Invoke", in_preview, handshake=handshake)["return"]
    with pytest.raises(CallAborted, match=r"^azure-native:authorization:getClientConfig cannot be answered"):
        call("azure-native", "Invoke", proto.InvokeRequest(tok=function), handshake=handshake)
    # An older engine does not report previews.
    assert call("azure-native", "Invoke", proto.InvokeRequest(tok=function))["return"]


def test_refusal_is_one_line() -> None:
    with pytest.raises(
        CallAborted, match=r"^aws:ec2/launchTemplate:LaunchTemplate machine cannot be created: [^\n]+$"
    ):
        call("aws", "Create", proto.CreateRequest(urn=TEMPLATE, properties=struct({"name": "machine"})))
