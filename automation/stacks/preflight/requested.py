"""The checks that `up` and `preview` share: stages of rotations, versions and etcd members."""

from __future__ import annotations

from functools import cache

from automation.engine.program import Engine
from automation.engine.state import StateReader
from automation.stacks.preflight import rotation, upgrade


def check(engine: Engine) -> StateReader:
    """Raise `UserError` when the stack file requests an unsupported change.

    Return the reader of the state that the checks have used, for further checks.
    """
    read_state = cache(engine.export_state)
    rotation.check(engine, read_state)
    upgrade.check(engine, read_state)
    return read_state
