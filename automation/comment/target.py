"""Parses the target of a comment: `owner/repository#12` on GitHub, `group/project!12` on GitLab."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from automation.errors import UserError

_WORD = r"[A-Za-z0-9_.-]+"
_GITHUB = re.compile(rf"({_WORD}/{_WORD})#([1-9][0-9]*)")
_GITLAB = re.compile(rf"({_WORD}(?:/{_WORD})+)!([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Target:
    """A pull or merge request: the path of its project and its number; or a project, with the number 0."""

    project: str
    number: int = 0


def parse_github_request(text: str) -> Target:
    """Parse `owner/repository#12`. Raise UserError for other formats."""
    return _parse_request(_GITHUB, text, "--github", "owner/repository#12")


def parse_gitlab_request(text: str) -> Target:
    """Parse `group/project!12`, with any number of groups. Raise UserError for other formats."""
    return _parse_request(_GITLAB, text, "--gitlab", "group/project!12")


def parse_github_project(text: str) -> Target:
    """Parse `owner/repository`. Raise UserError for other formats."""
    return _parse_project(_GITHUB, text, "#1", "--github", "owner/repository")


def parse_gitlab_project(text: str) -> Target:
    """Parse `group/project`. Raise UserError for other formats."""
    return _parse_project(_GITLAB, text, "!1", "--gitlab", "group/project")


def check_url(url: str) -> str:
    """Return the address of a forge's API without a trailing slash.

    Raise UserError for an address without a host, for an address that contains a user or password, and for
    one that would send the token unencrypted.
    """
    address = urlsplit(url)
    if address.username or address.password:
        raise UserError("--api-url: contains a user or password; set the token in the environment instead")
    if address.scheme != "https" and not (address.scheme == "http" and _is_loopback(address.hostname)):
        raise UserError(f"--api-url: {url!r}: expected https://…, so that the token is sent encrypted")
    if not address.hostname:
        raise UserError(f"--api-url: {url!r}: has no host")
    return url.rstrip("/")


def _parse_request(pattern: re.Pattern[str], text: str, option: str, example: str) -> Target:
    match = pattern.fullmatch(text)
    if match is None:
        raise UserError(f"{option}: {text!r}: expected {example}")
    return Target(match.group(1), int(match.group(2)))


def _parse_project(pattern: re.Pattern[str], text: str, first: str, option: str, example: str) -> Target:
    match = pattern.fullmatch(text + first)
    if match is None:
        raise UserError(f"{option}: {text!r}: expected {example}")
    return Target(match.group(1))


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
