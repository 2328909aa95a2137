"""The filter `launch-time` of DescribeInstances, which the library moto lacks.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
"""

from __future__ import annotations

from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from moto.ec2 import utils

_matches_without_times = utils.instance_value_in_filter_values


def add_launch_times() -> None:
    """Let moto filter instances by their launch time. The values of the filter may contain wildcards."""
    utils.filter_dict_attribute_mapping["launch-time"] = "launch_time"
    utils.instance_value_in_filter_values = _matches


def _matches(instance_value: Any, filter_values: Any) -> bool:  # noqa: ANN401 — moto's own
    if isinstance(instance_value, datetime):
        text = instance_value.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return any(fnmatchcase(text, pattern) for pattern in filter_values)
    return bool(_matches_without_times(instance_value, filter_values))
