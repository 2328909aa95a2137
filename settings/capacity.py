"""Settings of the capacity that applications need, and of the machines that could run them [A3]."""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from settings.base import Section
from settings.types import Name, NonEmpty, Quantity
from topology.capacity import MAX_CONTAINERS, MAX_PODS


def _validate_date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError('not a date; allowed: year, month and day in quotes, such as "2026-11-01"') from None


def _validate_currency(text: str) -> str:
    if len(text) != 3 or not (text.isascii() and text.isalpha() and text.isupper()):
        raise ValueError("not a currency; allowed: a code of three letters (ISO 4217), such as EUR")
    return text


def _validate_price(price: float) -> float:
    if not math.isfinite(price) or price < 0:
        raise ValueError("not a price; allowed: 0 and more")
    return price


Date = Annotated[str, AfterValidator(_validate_date)]
"""A date as text, such as `2026-11-01`."""
Currency = Annotated[str, AfterValidator(_validate_currency)]
"""The code of a currency, such as `EUR`."""
Price = Annotated[float, AfterValidator(_validate_price)]
"""A price of 0 or more."""


class PodRequestSettings(Section):
    """The requests of a pod."""

    cpu: Quantity
    """CPU that a pod requests, such as `250m`: the sum of its containers."""
    memory: Quantity
    """Memory that a pod requests, such as `512Mi`: the sum of its containers."""
    containers: int = Field(default=1, ge=1, le=MAX_CONTAINERS)
    """Number of containers of a pod."""


class ApplicationSettings(PodRequestSettings):
    """An application: the number of its pods and what each pod requests."""

    replicas: int = Field(ge=0, le=MAX_PODS)
    """Number of pods; with an autoscaler, the maximum number."""
    pool: Name | None = None
    """Pool that runs the application, or `control-plane`; required if the cluster has several pools."""


class CandidateSettings(Section):
    """A machine that nodes could have."""

    cpu: Quantity | None = None
    """CPUs; default: those of the machine type in Kubewright's table of the cloud."""
    memory: Quantity | None = None
    """Memory, such as `64Gi`; default: that of the machine type in Kubewright's table of the cloud."""
    price: Price | None = None
    """Price of a machine for the time in `per`; default: unknown."""


class CandidateTableSettings(Section):
    """The machines that `kubewright capacity` compares."""

    date: Date
    """Day on which the prices were true, such as `"2026-11-01"`."""
    currency: Currency = "USD"
    """Currency of the prices."""
    per: Literal["hour", "month", "year"] = "hour"
    """Time that a price is for."""
    machines: dict[NonEmpty, CandidateSettings] = Field(default_factory=dict)
    """Machines by name: machine types of the cloud, or names of your own."""


class CapacitySettings(Section):
    """What applications need. Pools that are too small for it are errors, before anything is created."""

    applications: dict[Name, ApplicationSettings] = Field(default_factory=dict)
    """Applications by name; at least one."""
    per_node: dict[Name, PodRequestSettings] = Field(default_factory=dict)
    """Pods that run on every node, such as those of DaemonSets, by name."""
    reserve_percent: int = Field(default=20, ge=0, le=400)
    """Reserve for growth and for the loss of a node, in percent of all requests of a pool."""
    overhead_percent: int = Field(default=8, ge=0, le=50)
    """Share of a machine's memory in percent that the hypervisor and the kernel use: the kubelet of a cloud's
    machine sees up to 8 % less than the memory of its type.
    """
    candidates: CandidateTableSettings | None = None
    """Machines with prices, for `kubewright capacity`; default: the machine types of the pools."""
