"""The driver: runs an action on one stack by the Pulumi Automation API [O2].

The driver runs the program of this checkout in the work directory of the stack. All text that the driver
shows and logs is redacted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from pulumi.automation.errors import CommandError
from tenacity import Retrying, retry_if_exception_type, stop_before_delay, wait_fixed

from automation.engine.command import EngineCommand, EngineTimeout
from automation.engine.config import decrypted_config
from automation.engine.interrupts import Interrupted, current_shutdown
from automation.engine.locks import StackInUse
from automation.engine.program import NO_REASON, Engine
from automation.engine.registry_login import logged_in
from automation.errors import UserError
from automation.releases.connection import connect
from automation.stacks import policies
from automation.stacks.engine_run import EngineRun
from automation.stacks.known_secrets import redactor_of_stack
from automation.stacks.release_watch import ReleaseWatch
from automation.stacks.result import Action, OnEvent, Options, Result, ShowLine
from redaction import MASK

_RETRY_INTERVAL = 5.0
"""Seconds between two attempts on a stack in use."""


def run_action(
    action: Action,
    engine: Engine,
    options: Options,
    *,
    show: ShowLine = print,
    on_event: OnEvent | None = None,
) -> Result:
    """Run an action on a prepared stack and return the result.

    Raise `StackInUse` when the stack is still in use after `options.wait`. All other failures are part of
    the result.
    """
    started = time.monotonic()
    config = decrypted_config(engine)
    checker = policies.PolicyChecker(config) if options.policy and action is Action.PREVIEW else None
    watch = ReleaseWatch(partial(connect, engine)) if action is Action.UP else None
    redactor = redactor_of_stack(engine, config)
    with logged_in(engine, config) as engine_with_logins:
        run = EngineRun(engine_with_logins, redactor, show, on_event, checker, watch)
        failure = _execute(run, action, options)
    return run.build_result(action, time.monotonic() - started, failure)


def _execute(run: EngineRun, action: Action, options: Options) -> str:
    """Run the engine. Return the reason of a failure; empty if the engine succeeds."""
    failure = ""
    try:
        retry_while_in_use(lambda: run.execute(action, options), options.wait)
    except EngineTimeout:
        # The engine reports only that it was canceled, so this message adds the time limit.
        failure = run.describe_timeout(action, options)
        run.report_error(failure)
        run.recover()
    except Interrupted as error:
        failure = f"stack {run.stack}: {error}"
        run.report_error(failure)
        run.recover()
    except CommandError:
        failure = run.explain_failure()
    run.explain_failed_releases()
    return failure


def masked_outputs(engine: Engine) -> dict[str, Any]:
    """Return the outputs of the stack with secrets masked. Raise `UserError` with the engine's message."""
    command = EngineCommand(engine.environment.tools)
    try:
        values = engine.automation_workspace(command).stack_outputs(engine.workspace.stack)
    except CommandError:
        message = redactor_of_stack(engine, decrypted_config(engine)).redact(command.error_message())
        raise UserError(f"stack {engine.workspace.stack}: {message or NO_REASON}") from None
    return {name: MASK if output.secret else output.value for name, output in sorted(values.items())}


def retry_while_in_use(work: Callable[[], object], seconds: float) -> None:
    """Call `work`, which needs exclusive use of a stack. Retry for `seconds` while the stack is in use.

    Raise `StackInUse` at the end of that time, and `Interrupted` when a shutdown is requested.
    """
    retrying = Retrying(
        retry=retry_if_exception_type(StackInUse),
        wait=wait_fixed(_RETRY_INTERVAL),
        stop=stop_before_delay(seconds),
        before=lambda _: current_shutdown().raise_if_requested(),
        sleep=current_shutdown().pause,
        reraise=True,
    )
    retrying(work)
