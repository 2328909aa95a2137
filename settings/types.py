"""Types of setting values. Each type rejects invalid values with an error that names the allowed values."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from formats import quantity
from settings import paths
from topology.taints import Taint, TaintEffect

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}")
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_KEY_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_DURATION = re.compile(r"([0-9]+(h|m|s))+")
_PERCENTAGE = re.compile(r"[0-9]+(\.[0-9]+)?%")
_HOST_PATH = re.compile(r"(/[A-Za-z0-9_.-]+)+")
_PORTS = re.compile(r"([0-9]+)-([0-9]+)")
_IPV4 = r"[0-9]{1,3}(\.[0-9]{1,3}){3}"


def validate_name(text: str) -> str:
    """Return `text` if it is a DNS label (RFC 1123), as host names must be. Raise ValueError otherwise."""
    if len(text) > 63 or not _NAME.fullmatch(text):
        raise ValueError(
            "not a DNS label; allowed: a-z, 0-9 and - between them, at most 63 characters, such as web-1"
        )
    return text


def validate_subdomain(text: str) -> str:
    """Return `text` if it is a DNS subdomain (RFC 1123). Raise ValueError otherwise."""
    if len(text) > 253 or not _SUBDOMAIN.fullmatch(text):
        raise ValueError("not a DNS name; allowed: labels of a-z, 0-9 and -, joined by dots, in lower case")
    return text


def _validate_label_key(text: str) -> str:
    prefix, slash, name = text.rpartition("/")
    prefix_is_valid = not slash or (len(prefix) <= 253 and _SUBDOMAIN.fullmatch(prefix))
    if not prefix_is_valid or len(name) > 63 or not _KEY_NAME.fullmatch(name):
        raise ValueError(
            "not a label key; allowed: letters, digits, -, _ and . (at most 63 characters), the first and "
            "the last a letter or digit, with an optional DNS prefix and /"
        )
    return text


def _validate_label_value(text: str) -> str:
    if text and (len(text) > 63 or not _KEY_NAME.fullmatch(text)):
        raise ValueError(
            "not a label value; allowed: empty, or letters, digits, -, _ and . (at most 63 characters), the "
            "first and the last a letter or digit"
        )
    return text


def _validate_quantity(value: object) -> object:
    # YAML reads `cpu: 2` as a number, but a Kubernetes quantity is text.
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if isinstance(text, str):
        quantity.parse_quantity(text)
    return text


def _validate_eviction_threshold(text: str) -> str:
    if text.endswith("%"):
        if not _PERCENTAGE.fullmatch(text) or not 0 < float(text[:-1]) < 100:
            raise ValueError("not a percentage; allowed: more than 0% and less than 100%")
        return text
    quantity.parse_quantity(text)
    return text


def _parse_network(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("not a network; allowed: an IPv4 range such as 10.244.0.0/16, as text")
    try:
        return IPv4Network(value)
    except ValueError:
        pass
    try:
        network = IPv4Network(value, strict=False)
    except ValueError:
        raise ValueError("not an IPv4 network; allowed: ADDRESS/LENGTH such as 10.244.0.0/16") from None
    raise ValueError(f"has bits set after its prefix; the network is {network}")


def _parse_address_range(value: object) -> object:
    """Return the first and the last address of a range or a network."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, str) and "/" in value:
        network = cast(IPv4Network, _parse_network(value))
        return network[0], network[-1]
    try:
        first, last = map(IPv4Address, str(value).split("-"))
    except ValueError:
        raise ValueError(
            "not a range of addresses; allowed: FIRST-LAST such as 10.0.0.240-10.0.0.250, or ADDRESS/LENGTH"
        ) from None
    if first > last:
        raise ValueError(f"the first address, {first}, is above the last, {last}; allowed: FIRST-LAST")
    return first, last


def _parse_address(value: object) -> object:
    try:
        if isinstance(value, str):
            return IPv4Address(value)
    except ValueError:
        pass
    raise ValueError("not an IPv4 address; allowed: four numbers from 0 to 255, such as 10.0.0.11")


def _validate_version(value: object) -> object:
    if not isinstance(value, str) or not _VERSION.fullmatch(value):
        raise ValueError('not a version; allowed: three numbers without a "v", such as 1.36.3, as text')
    return value


def _validate_duration(text: str) -> str:
    if not _DURATION.fullmatch(text):
        raise ValueError("not a duration; allowed: numbers with h, m or s, such as 1h or 90m")
    return text


def parse_seconds(duration: str) -> int:
    """Return the number of seconds in a duration such as `1h30m`. Raise ValueError for invalid text."""
    _validate_duration(duration)
    unit = {"h": 3600, "m": 60, "s": 1}
    return sum(int(count) * unit[suffix] for count, suffix in re.findall(r"([0-9]+)([hms])", duration))


def _validate_host_path(text: str) -> str:
    if not _HOST_PATH.fullmatch(text) or ".." in text.split("/"):
        raise ValueError(
            "not a directory on a host; allowed: an absolute path of letters, digits and ._-, "
            "such as /mnt/backup"
        )
    return text


def validate_https_url(text: str) -> str:
    """Return an https URL without a trailing slash. Raise ValueError for other text, and for credentials."""
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError(
            "not an https URL; allowed: https://HOST[:PORT][/PATH], such as https://mirror.example:8080, "
            "because all downloads use TLS"
        )
    if parts.username or parts.password:
        raise ValueError("contains a user or password; move them to their own keys, as secrets")
    return text.rstrip("/")


def validate_url(text: str, *schemes: str) -> str:
    """Return a URL with one of `schemes`, without a trailing slash; return empty text unchanged. Raise
    ValueError for other text.
    """
    parts = urlsplit(text)
    if text and (parts.scheme not in schemes or not parts.hostname):
        raise ValueError(f"not a URL; allowed: {' or '.join(schemes)}://HOST[:PORT], or empty")
    if parts.username or parts.password:
        raise ValueError("contains a user or password; remove them")
    return text.rstrip("/")


def parse_server(text: str) -> tuple[IPv4Address, int]:
    """Return the address and port of a DNS server, `ADDRESS[:PORT]`. Raise ValueError for other text."""
    host, colon, port = text.partition(":")
    try:
        address = IPv4Address(host)
    except ValueError:
        address = None
    if address is None or (colon and not (port.isdecimal() and 1 <= int(port) <= 65535)):
        raise ValueError("not a DNS server; allowed: ADDRESS or ADDRESS:PORT, such as 10.0.0.53")
    return address, int(port) if colon else 53


def _parse_port_range(value: object) -> object:
    if isinstance(value, tuple):
        return value
    match = _PORTS.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError("not a port range; allowed: FIRST-LAST, such as 30000-32767")
    first, last = int(match[1]), int(match[2])
    if first > last:
        raise ValueError(f"the first port, {first}, is above the last, {last}; allowed: FIRST-LAST")
    if not 1 <= first <= last <= 65535:
        raise ValueError("contains numbers that are no ports; allowed: 1 to 65535")
    return first, last


def _parse_port_numbers(value: object) -> object:
    """Return the first and the last of one port or of a range."""
    text = f"{value}-{value}" if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and not _PORTS.fullmatch(text):
        raise ValueError("not a port; allowed: a number from 1 to 65535, or FIRST-LAST such as 9100-9110")
    return _parse_port_range(text)


def _parse_taint(value: object) -> object:
    if isinstance(value, Taint):
        return value
    allowed = "allowed: key=value:Effect or key:Effect, Effect one of NoSchedule, PreferNoSchedule, NoExecute"
    if not isinstance(value, str) or ":" not in value:
        raise ValueError(f"not a taint; {allowed}")
    pair, _, effect = value.rpartition(":")
    key, _, text = pair.partition("=")
    if effect not in list(TaintEffect):
        raise ValueError(f"not a taint: the effect is unknown; {allowed}")
    return Taint(key=_validate_label_key(key), value=_validate_label_value(text), effect=TaintEffect(effect))


def _validate_non_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; remove the key or give it a value")
    return text


def _text_schema(**keywords: object) -> WithJsonSchema:
    """Return the JSON Schema of a type that is written as text in a stack file."""
    return WithJsonSchema({"type": "string", **keywords})


def _anchored_pattern(pattern: re.Pattern[str] | str) -> str:
    """Return an anchored pattern for JSON Schema, whose patterns otherwise match anywhere in the text."""
    return f"^{pattern if isinstance(pattern, str) else pattern.pattern}$"


Name = Annotated[
    str, AfterValidator(validate_name), _text_schema(pattern=_anchored_pattern(_NAME), maxLength=63)
]
Subdomain = Annotated[
    str, AfterValidator(validate_subdomain), _text_schema(pattern=_anchored_pattern(_SUBDOMAIN))
]
LabelKey = Annotated[str, AfterValidator(_validate_label_key)]
LabelValue = Annotated[str, AfterValidator(_validate_label_value), _text_schema(maxLength=63)]
Quantity = Annotated[str, BeforeValidator(_validate_quantity), WithJsonSchema({"type": ["string", "number"]})]
EvictionThreshold = Annotated[str, AfterValidator(_validate_eviction_threshold)]
Network = Annotated[
    IPv4Network,
    BeforeValidator(_parse_network),
    _text_schema(pattern=_anchored_pattern(_IPV4 + "/[0-9]{1,2}")),
]
Address = Annotated[
    IPv4Address, BeforeValidator(_parse_address), _text_schema(pattern=_anchored_pattern(_IPV4))
]
AddressRange = Annotated[
    tuple[IPv4Address, IPv4Address],
    BeforeValidator(_parse_address_range),
    _text_schema(pattern=_anchored_pattern(f"{_IPV4}(-{_IPV4}|/[0-9]{{1,2}})")),
]
Version = Annotated[
    str, BeforeValidator(_validate_version), _text_schema(pattern=_anchored_pattern(_VERSION))
]
Duration = Annotated[
    str, AfterValidator(_validate_duration), _text_schema(pattern=_anchored_pattern(_DURATION))
]
HostPath = Annotated[
    str, AfterValidator(_validate_host_path), _text_schema(pattern=_anchored_pattern(_HOST_PATH))
]
HttpsUrl = Annotated[str, AfterValidator(validate_https_url), _text_schema(pattern="^https://[^/@]+")]
PortRange = Annotated[
    tuple[int, int], BeforeValidator(_parse_port_range), _text_schema(pattern=_anchored_pattern(_PORTS))
]
PortNumbers = Annotated[
    tuple[int, int],
    BeforeValidator(_parse_port_numbers),
    WithJsonSchema({"type": ["string", "integer"], "pattern": _anchored_pattern(_PORTS)}),
]
TaintText = Annotated[
    Taint,
    BeforeValidator(_parse_taint),
    _text_schema(pattern=f"^.+:({'|'.join(effect.value for effect in TaintEffect)})$"),
]
NonEmpty = Annotated[str, AfterValidator(_validate_non_empty), _text_schema(minLength=1)]
FilePath = Annotated[NonEmpty, AfterValidator(paths.expand)]
Port = Annotated[int, Field(ge=1, le=65535)]
