"""The kinds of values a configuration is made of. Each refuses with what is allowed instead."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from formats import quantity
from settings import paths
from topology.model import Taint, TaintEffect

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}")
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_KEY_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_DURATION = re.compile(r"([0-9]+(h|m|s))+")
_PERCENTAGE = re.compile(r"[0-9]+(\.[0-9]+)?%")
_HOST_PATH = re.compile(r"(/[A-Za-z0-9_.-]+)+")
_PORTS = re.compile(r"([0-9]+)-([0-9]+)")


def name(text: str) -> str:
    """A DNS label, as names of machines are. Raises ValueError."""
    if len(text) > 63 or not _NAME.fullmatch(text):
        raise ValueError(
            "not a DNS label; allowed: a-z, 0-9 and - between them, at most 63 characters, such as web-1"
        )
    return text


def subdomain(text: str) -> str:
    """A DNS subdomain, as RFC 1123 has it. Raises ValueError."""
    if len(text) > 253 or not _SUBDOMAIN.fullmatch(text):
        raise ValueError("not a DNS name; allowed: labels of a-z, 0-9 and -, joined by dots, in lower case")
    return text


def _label_key(text: str) -> str:
    prefix, slash, name = text.rpartition("/")
    prefix_fits = not slash or (len(prefix) <= 253 and _SUBDOMAIN.fullmatch(prefix))
    if not prefix_fits or len(name) > 63 or not _KEY_NAME.fullmatch(name):
        raise ValueError(
            "not a label key; allowed: letters, digits, -, _ and . (at most 63), begun and ended by a letter "
            "or digit, with an optional DNS prefix and /"
        )
    return text


def _label_value(text: str) -> str:
    if text and (len(text) > 63 or not _KEY_NAME.fullmatch(text)):
        raise ValueError(
            "not a label value; allowed: nothing, or letters, digits, -, _ and . (at most 63), "
            "begun and ended by a letter or digit"
        )
    return text


def _quantity(value: object) -> object:
    # YAML gives `cpu: 2` as a number; a quantity is text.
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if isinstance(text, str):
        quantity.parse_quantity(text)
    return text


def _signal(text: str) -> str:
    if text.endswith("%"):
        if not _PERCENTAGE.fullmatch(text) or not 0 < float(text[:-1]) < 100:
            raise ValueError("not a percentage between 0 and 100")
        return text
    quantity.parse_quantity(text)
    return text


def _network(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("not a network; allowed: an IPv4 range such as 10.244.0.0/16, as text")
    try:
        return IPv4Network(value)
    except ValueError:
        pass
    try:
        meant = IPv4Network(value, strict=False)
    except ValueError:
        raise ValueError("not an IPv4 network; allowed: ADDRESS/LENGTH such as 10.244.0.0/16") from None
    raise ValueError(f"has bits set after its prefix; the network is {meant}")


def _address(value: object) -> object:
    try:
        return IPv4Address(value) if isinstance(value, str) else _refuse_address()
    except ValueError:
        return _refuse_address()


def _refuse_address() -> object:
    raise ValueError("not an IPv4 address; allowed: four numbers from 0 to 255, such as 10.0.0.11")


def _version(value: object) -> object:
    if not isinstance(value, str) or not _VERSION.fullmatch(value):
        raise ValueError('not a version; allowed: three numbers without a "v", such as 1.36.3, as text')
    return value


def _duration(text: str) -> str:
    if not _DURATION.fullmatch(text):
        raise ValueError("not a duration; allowed: numbers with h, m or s, such as 1h or 90m")
    return text


def _host_path(text: str) -> str:
    if not _HOST_PATH.fullmatch(text) or ".." in text.split("/"):
        raise ValueError(
            "not a directory on a host; allowed: an absolute path of letters, digits and ._-, "
            "such as /mnt/backup"
        )
    return text


def seconds(duration: str) -> int:
    """A duration such as `1h30m` in seconds. Raises ValueError for what is none."""
    _duration(duration)
    unit = {"h": 3600, "m": 60, "s": 1}
    return sum(int(count) * unit[suffix] for count, suffix in re.findall(r"([0-9]+)([hms])", duration))


def _https(text: str) -> str:
    url = urlsplit(text)
    if url.scheme != "https" or not url.hostname:
        raise ValueError(
            "not an https URL; everything is fetched over TLS, such as https://mirror.example:8080"
        )
    if url.username or url.password:
        raise ValueError("holds a user or password; give them in keys of their own, as secrets")
    return text.rstrip("/")


def url(text: str, *schemes: str) -> str:
    """A URL of one of these schemes, without a slash at its end; empty stays empty. Raises ValueError."""
    parts = urlsplit(text)
    if text and (parts.scheme not in schemes or not parts.hostname):
        raise ValueError(f"not a URL; allowed: {' or '.join(schemes)}://HOST[:PORT], or nothing")
    if parts.username or parts.password:
        raise ValueError("holds a user or password; leave them out")
    return text.rstrip("/")


def _port_range(value: object) -> object:
    if isinstance(value, tuple):
        return value
    found = _PORTS.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError("not a port range; allowed: FIRST-LAST, such as 30000-32767")
    first, last = int(found[1]), int(found[2])
    if first > last:
        raise ValueError(
            f"runs backwards: {first} is above {last}; allowed: FIRST-LAST with FIRST the smaller"
        )
    if not 1 <= first <= last <= 65535:
        raise ValueError("leaves the ports there are: 1 to 65535")
    return first, last


def _taint(value: object) -> object:
    if isinstance(value, Taint):
        return value
    allowed = "allowed: key=value:Effect or key:Effect, Effect one of NoSchedule, PreferNoSchedule, NoExecute"
    if not isinstance(value, str) or ":" not in value:
        raise ValueError(f"not a taint; {allowed}")
    pair, _, effect = value.rpartition(":")
    key, _, text = pair.partition("=")
    if effect not in list(TaintEffect):
        raise ValueError(f"not a taint: the effect is unknown; {allowed}")
    return Taint(key=_label_key(key), value=_label_value(text), effect=TaintEffect(effect))


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; leave the key out or fill it in")
    return text


Name = Annotated[str, AfterValidator(name)]
Subdomain = Annotated[str, AfterValidator(subdomain)]
LabelKey = Annotated[str, AfterValidator(_label_key)]
LabelValue = Annotated[str, AfterValidator(_label_value)]
Quantity = Annotated[str, BeforeValidator(_quantity)]
Signal = Annotated[str, AfterValidator(_signal)]
Network = Annotated[IPv4Network, BeforeValidator(_network)]
Address = Annotated[IPv4Address, BeforeValidator(_address)]
Version = Annotated[str, BeforeValidator(_version)]
Duration = Annotated[str, AfterValidator(_duration)]
HostPath = Annotated[str, AfterValidator(_host_path)]
HttpsUrl = Annotated[str, AfterValidator(_https)]
PortRange = Annotated[tuple[int, int], BeforeValidator(_port_range)]
TaintText = Annotated[Taint, BeforeValidator(_taint)]
FilePath = Annotated[str, AfterValidator(_filled), AfterValidator(paths.expand)]
Filled = Annotated[str, AfterValidator(_filled)]
Port = Annotated[int, Field(ge=1, le=65535)]
