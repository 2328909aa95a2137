"""Conversion between the engine's property values and plain Python values.

A decoded value consists of dicts, lists, strings, numbers, booleans and None. A secret is wrapped in
`Secret`. A value that is known only after the deployment is `UNKNOWN`. Assets, archives and resource
references stay dicts with the engine's signature.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

Value = Any
"""A decoded property value: JSON data, `Secret` or `UNKNOWN`."""

Properties = dict[str, Value]
"""The decoded properties of one resource."""

SIGNATURE = rpc._special_sig_key
ASSET = rpc._special_asset_sig
ARCHIVE = rpc._special_archive_sig
_SECRET = rpc._special_secret_sig
_OUTPUT = rpc._special_output_value_sig
Path = tuple[str | int, ...]


class _Unknown:
    """The type of `UNKNOWN`, the value of an output that only exists after the deployment."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, _memo: object) -> _Unknown:
        return self


UNKNOWN = _Unknown()


@dataclass(frozen=True)
class Secret:
    """A secret value; its representation never shows it."""

    value: Value

    def __repr__(self) -> str:
        return "Secret(…)"


def decode(value: struct_pb2.Value) -> Value:
    """Decode one property value of the engine."""
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value == rpc.UNKNOWN else value.string_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [decode(item) for item in value.list_value.values]
        case "struct_value":
            fields = value.struct_value.fields
            signature = fields[SIGNATURE].string_value if SIGNATURE in fields else ""
            if signature == _SECRET:
                return Secret(decode(fields["value"]))
            if signature == _OUTPUT:
                inner = decode(fields["value"]) if "value" in fields else UNKNOWN
                return Secret(inner) if fields["secret"].bool_value else inner
            return {key: decode(item) for key, item in fields.items()}
        case _:
            return None


def decode_map(struct: struct_pb2.Struct) -> dict[str, Value]:
    """Decode a map of properties. Null properties count as absent, as in the official plugins."""
    return {
        key: decode(item) for key, item in struct.fields.items() if item.WhichOneof("kind") != "null_value"
    }


def encode(value: Value) -> struct_pb2.Value:
    """Encode a decoded value for the engine.

    Raises:
        TypeError: the value contains a value of another type.
    """
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if value is UNKNOWN:
        return struct_pb2.Value(string_value=rpc.UNKNOWN)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, Secret):
        inner = {SIGNATURE: struct_pb2.Value(string_value=_SECRET), "value": encode(value.value)}
        return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=inner))
    if isinstance(value, list | tuple):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[encode(item) for item in value]))
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=encode_map(value))
    raise TypeError(f"cannot encode a {type(value).__name__} for the engine")


def encode_map(values: Mapping[str, Value]) -> struct_pb2.Struct:
    """Encode a map of properties."""
    return struct_pb2.Struct(fields={key: encode(item) for key, item in values.items()})


def reveal(value: Value) -> Value:
    """Return a copy without `Secret` wrappers; `UNKNOWN` is kept."""
    if isinstance(value, Secret):
        return reveal(value.value)
    if isinstance(value, list):
        return [reveal(item) for item in value]
    if isinstance(value, Mapping):
        return {key: reveal(item) for key, item in value.items()}
    return value


def without_secret(value: Value) -> Value:
    """Return the value without an outer `Secret` wrapper. Secrets inside the value keep their wrappers."""
    return without_secret(value.value) if isinstance(value, Secret) else value


def is_unknown(value: Value) -> bool:
    """Check whether the value itself, secret or not, is unknown."""
    return without_secret(value) is UNKNOWN


def is_asset(value: Value) -> bool:
    """Check whether the value is an asset or an archive."""
    return isinstance(value, Mapping) and value.get(SIGNATURE) in (ASSET, ARCHIVE)


def contains_secret(value: Value) -> bool:
    """Check whether the value is a secret or contains a secret at any depth."""
    return next(secret_paths(value), None) is not None


def as_secret(value: Value) -> Secret:
    """Return the value as one `Secret`, without `Secret` wrappers inside."""
    return Secret(reveal(value))


def has_unknown(value: Value) -> bool:
    """Check whether the value is unknown or contains an unknown value at any depth."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    return False


def secret_paths(value: Value, prefix: Path = ()) -> Iterator[Path]:
    """Yield the paths of all secrets in a value. Secrets inside a secret are not listed."""
    if isinstance(value, Secret):
        yield prefix
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from secret_paths(item, (*prefix, index))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from secret_paths(item, (*prefix, key))


def secret_strings(value: Value, *, inside: bool = False) -> Iterator[str]:
    """Yield every string inside a secret of the value, so that messages can mask it.

    With `inside`, the value itself counts as part of a secret.
    """
    if isinstance(value, Secret):
        yield from secret_strings(value.value, inside=True)
    elif isinstance(value, list):
        for item in value:
            yield from secret_strings(item, inside=inside)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secret_strings(item, inside=inside)
    elif inside and isinstance(value, str):
        yield value


def conceal(value: Value, path: Path) -> Value:
    """Return a copy of the value in which the value at `path` is secret. A missing path is ignored."""
    if isinstance(value, Secret):
        return value
    if not path:
        return Secret(value)
    step, rest = path[0], path[1:]
    if isinstance(value, Mapping) and step in value:
        return {**value, str(step): conceal(value[str(step)], rest)}
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return [conceal(item, rest) if index == step else item for index, item in enumerate(value)]
    return value
