"""Types of texts in the settings of AWS."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")


def _validate_region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise ValueError("not a region; allowed: a name such as eu-central-1")
    return text


def _validate_account(value: object) -> object:
    """Return an account id. Refuse a number, because YAML drops leading zeros of digits without quotes."""
    if not isinstance(value, str) or not _ACCOUNT.fullmatch(value):
        raise ValueError('not an account id; allowed: 12 digits in quotes, such as "123456789012"')
    return value


_KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+")


def _validate_key(text: str) -> str:
    if text and not _KEY.fullmatch(text):
        raise ValueError("not the ARN of a KMS key; allowed: arn:aws:kms:<region>:<account>:key/<id>")
    return text


_BOUNDARY = re.compile(r"arn:(aws[a-z-]*):iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+")


def _validate_boundary(text: str) -> str:
    if text and not _BOUNDARY.fullmatch(text):
        raise ValueError("not the ARN of a policy; allowed: arn:aws:iam::<account>:policy/<name>")
    return text


_PULL_THROUGH = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*")
_MIN_PREFIX_LENGTH, _MAX_PREFIX_LENGTH = 2, 30


def _validate_pull_through(text: str) -> str:
    """Return a prefix of repositories (`CreatePullThroughCacheRule` in the API reference of ECR)."""
    if not _PULL_THROUGH.fullmatch(text) or not _MIN_PREFIX_LENGTH <= len(text) <= _MAX_PREFIX_LENGTH:
        raise ValueError(
            "not the prefix of a pull through cache rule; allowed: 2 to 30 characters without /*, such as "
            "docker-hub"
        )
    return text


Account = Annotated[str, BeforeValidator(_validate_account)]
"""Id of an account, 12 digits."""
Region = Annotated[str, AfterValidator(_validate_region)]
"""Name of a region, such as `eu-central-1`."""
DiskKey = Annotated[str, AfterValidator(_validate_key)]
"""ARN of a KMS key; empty: none."""
Boundary = Annotated[str, AfterValidator(_validate_boundary)]
"""ARN of an IAM policy; empty: none."""
PullThrough = Annotated[str, AfterValidator(_validate_pull_through)]
"""Prefix of repositories of a pull through cache rule."""
