"""Assets and archives on their way through the plugin.

The SDK's property values hold an asset's content but not its hash, and the engine sends no content
where it knows the hash. So here an asset is an object like any other, under a mark of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct, Value
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

from lab.plugins.common.values import plain

MARK = "__asset"
_SIGNATURES = (rpc._special_asset_sig, rpc._special_archive_sig)
_FIELDS = ("olds", "news", "old_inputs", "properties", "inputs")


def opened(message: Message) -> None:
    """Make the assets in a request objects with the mark."""
    _renamed(message, rpc._special_sig_key, MARK)


def closed(message: Message) -> None:
    """Make objects with the mark in a response assets again."""
    _renamed(message, MARK, rpc._special_sig_key)


def compared(value: PropertyValue) -> PropertyValue:
    """An asset as what tells it from others: its hash, or its content where nobody made one."""
    inner = value.value
    if not isinstance(inner, Mapping) or MARK not in inner:
        return value
    parts = {key: plain(part) for key, part in inner.items()}
    return PropertyValue(str(parts.get("hash") or sorted(parts.items())), is_secret=value.is_secret)


def _renamed(message: Message, old: str, new: str) -> None:
    for field in _FIELDS:
        if field in message.DESCRIPTOR.fields_by_name and message.HasField(field):
            _in_struct(getattr(message, field), old, new)


def _in_struct(struct: Struct, old: str, new: str) -> None:
    if old in struct.fields and struct.fields[old].string_value in _SIGNATURES:
        struct.fields[new].string_value = struct.fields[old].string_value
        del struct.fields[old]
    for value in struct.fields.values():
        _in_value(value, old, new)


def _in_value(value: Value, old: str, new: str) -> None:
    if value.HasField("struct_value"):
        _in_struct(value.struct_value, old, new)
    for item in value.list_value.values if value.HasField("list_value") else ():
        _in_value(item, old, new)
