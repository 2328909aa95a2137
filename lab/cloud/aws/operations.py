"""Types of the operations of the emulated Auto Scaling API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Parameters = Mapping[str, Any]
"""The parameters of a call, as boto3 names them."""
Response = dict[str, Any]
"""The response, as boto3 returns it."""
Operation = Callable[[Parameters], Response]
