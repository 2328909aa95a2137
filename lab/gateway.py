"""gateway"""
from __future__ import annotations
from collections.abc import Callable
from lab.spec import LabSpec
GROUP = "_gateway"
def ensure(spec: LabSpec, *, say: Callable[[str], None]) -> None:
    """x"""
