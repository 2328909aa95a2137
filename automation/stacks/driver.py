"""One stack by Pulumi's Automation API: preview, up, refresh, destroy, outputs [O2].

It runs the program of this checkout in the stack's work directory, as `make up` always did. What is shown
and what is logged passes the redactor.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pulumi.automation import LocalWorkspace, Stack
from pulumi.automation.errors import CommandError, ConcurrentUpdateError
from pulumi.automation.events import EngineEvent

from automation.engine.command import EngineCommand, TimedOut
from automation.engine.config import decrypted_config
from automation.engine.interrupts import Interrupted, current
from automation.engine.locks import StackInUse
from automation.engine.output_filter import OutputFilter
from automation.engine.program import Engine
from automation.errors import UserError
from automation.stacks import events as log
from automation.stacks import policies
from automation.stacks.events import Event, Message, Step, Summary
from automation.stacks.known_secrets import redactor_of_stack
from redaction.redactor import LineRedactor, Redactor

PARALLEL = 40
"""Resources changed at a time: most of them wait for a host, so more than the engine's default."""
_SILENT = "the engine failed, and did not say why"
_RETRY = 5.0
"""Seconds between two looks at whether a stack is free."""


class Action(StrEnum):
    """What the engine does."""

    PREVIEW = "preview"
    UP = "up"
    REFRESH = "refresh"
    DESTROY = "destroy"


class Outcome(StrEnum):
    """How it ended."""

    NOTHING = "nothing to do"
    CHANGES = "changes"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to do it. Times in seconds (None: no limit; `wait` 0: a stack in use is an error at once).

    `plan`: where a preview saves its plan, or the plan that an `up` keeps to. `policy`: a preview is judged
    by the rules of `policy/`, and fails when a mandatory one is not kept.
    """

    parallel: int = PARALLEL
    timeout: float | None = None
    wait: float = 0
    plan: Path | None = None
    diff: bool = True
    policy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of it: the engine's events (veiled), how many resources changed, what went wrong."""

    stack: str
    action: Action
    code: Outcome
    events: tuple[Event, ...] = ()
    changes: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0
    errors: tuple[str, ...] = ()


ShowLine = Callable[[str], object]
"""Takes a line of the engine's, without its line end."""
OnEvent = Callable[[Event], object]
"""Takes an event."""


def run_action(
    action: Action, engine: Engine, options: Options, *, show: ShowLine = print, notice: OnEvent | None = None
) -> Result:
    """Does it to a stack that is prepared, and waits for its end.

    Raises `StackInUse` when somebody else works on the stack, after `options.wait`; everything else
    that goes wrong is in the result.
    """
    begun = time.monotonic()
    plain = decrypted_config(engine)
    run = _Run(engine, redactor_of_stack(engine, plain), show, notice)
    if options.policy and action is Action.PREVIEW:
        run.checker = policies.PolicyChecker(plain)
    failure = ""
    try:
        retry_while_in_use(lambda: run.go(action, options), options.wait)
    except TimedOut:
        failure = (
            f"stack {engine.workspace.stack}: not done in {options.timeout:.0f} s; what was begun is "
            f"recorded, another `{action}` goes on from there (--timeout gives it longer)"
        )
        # The engine itself says no more than that it was cancelled.
        run.add(failure)
        run.free()
    except Interrupted as error:
        failure = f"stack {engine.workspace.stack}: {error}"
        run.add(failure)
        run.free()
    except CommandError:
        failure = run.explain()
    return run.result(action, time.monotonic() - begun, failure)


def outputs(engine: Engine) -> dict[str, Any]:
    """The stack's outputs; secret ones are masked. Raises `UserError` with the engine's words."""
    command = EngineCommand(engine.environment.tools)
    try:
        found = _stack(engine, command).outputs()
    except CommandError:
        words = redactor_of_stack(engine, decrypted_config(engine)).redact(command.words())
        raise UserError(f"stack {engine.workspace.stack}: {words or _SILENT}") from None
    return {name: "[secret]" if output.secret else output.value for name, output in sorted(found.items())}


def retry_while_in_use(work: Callable[[], object], seconds: float) -> None:
    """Does work that needs a stack for itself, again until the stack is free or the time is up.

    Raises `StackInUse`, and `Interrupted` when the driver is asked to end.
    """
    end = time.monotonic() + seconds
    while True:
        current().check()
        try:
            work()
            return
        except StackInUse:
            if time.monotonic() + _RETRY > end:
                raise
        current().pause(_RETRY)


class _Run:
    """One run of the engine: what it said and did."""

    def __init__(self, engine: Engine, redactor: Redactor, show: ShowLine, notice: OnEvent | None) -> None:
        self._engine = engine
        self._redactor = redactor
        self._lines = LineRedactor(redactor)
        self._show = show
        self._notice = notice
        self._reader = OutputFilter()
        self._events: list[Event] = []
        self._failure: Exception | None = None
        self._command: EngineCommand | None = None
        self._said: set[str] = set()
        self.checker: policies.PolicyChecker | None = None

    def go(self, action: Action, options: Options) -> None:
        """Raises CommandError, TimedOut, StackInUse, Interrupted."""
        deadline = None if options.timeout is None else time.monotonic() + options.timeout
        self._command = EngineCommand(self._engine.environment.tools, deadline=deadline)
        stack = _stack(self._engine, self._command)
        common: dict[str, Any] = {"on_output": self._line, "on_error": self._error, "on_event": self._event}
        plan = str(options.plan.absolute()) if options.plan else None
        try:
            match action:
                case Action.PREVIEW:
                    stack.preview(diff=options.diff, plan=plan, **common)
                case Action.UP:
                    # A host that cannot be reached must not keep the others from being done.
                    stack.up(parallel=options.parallel, continue_on_error=plan is None, plan=plan, **common)
                case Action.REFRESH:
                    stack.refresh(parallel=options.parallel, **common)
                case Action.DESTROY:
                    stack.destroy(parallel=options.parallel, **common)
        except ConcurrentUpdateError:
            raise StackInUse(
                f"stack {stack.name}: somebody else works on it; wait until they are done (--wait), "
                f"or `kubewright pulumi --stack {stack.name} -- cancel`"
            ) from None
        finally:
            for line in self._reader.end():
                self._show(self._lines.redact_line(line))
        if self._failure is not None:
            raise self._failure

    def result(self, action: Action, seconds: float, failure: str) -> Result:
        """What came of it. Of a failed run the messages say why; `failure` where they do not."""
        broken = self._judge(whole=not failure)
        summaries = [event for event in self._events if isinstance(event, Summary)]
        changes = dict(summaries[-1].changes) if summaries else {}
        errors = tuple(e.text for e in self._events if isinstance(e, Message) and e.severity == "error")
        errors += broken
        failed = bool(failure or broken)
        changed = any(count for name, count in changes.items() if name not in ("same", "read"))
        return Result(
            stack=self._engine.workspace.stack,
            action=action,
            code=Outcome.FAILED if failed else Outcome.CHANGES if changed else Outcome.NOTHING,
            events=tuple(self._events),
            changes=changes,
            seconds=seconds,
            errors=(errors or (failure,)) if failed else (),
        )

    def add(self, error: str) -> None:
        """An error of the driver's own: shown, and among the events."""
        self._keep(Message(severity="error", text=error))
        self._show(error)

    def free(self) -> None:
        """Clears up behind an engine that had to be ended: its lock, its state."""
        try:
            self._engine.free()
        except UserError:
            return  # the next run says so, and to more purpose

    def explain(self) -> str:
        """Why the engine failed, in a line or more.

        Its events say so; where it came to none (a passphrase, a backend) its words become one. They are
        shown when they were not: of the calls around the one that does the work nothing is.
        """
        words = self._redactor.redact(self._command.words()) if self._command else ""
        failure = f"stack {self._engine.workspace.stack}: {words or _SILENT}"
        if any(isinstance(event, Message) and event.severity == "error" for event in self._events):
            return failure
        self._keep(Message(severity="error", text=failure))
        failed = self._command.failed if self._command else None
        if failed is None or not failed.stderr or not set(failed.stderr.splitlines()) <= self._said:
            self._show(failure)
        return failure

    def _error(self, line: str) -> None:
        self._said.add(line)
        self._line(line)

    def _line(self, line: str) -> None:
        # They name the scratch file that our own plan is made of.
        if line.startswith(("Update plan written to", "Run `pulumi up --plan=")):
            return
        for text in self._reader.feed(line):
            self._show(self._lines.redact_line(text))

    def _judge(self, *, whole: bool) -> tuple[str, ...]:
        """Shows which policies are not kept; gives a line for each mandatory one."""
        if self.checker is None:
            return ()
        found = self.checker.found()
        for each in found:
            self._keep(each)
        for text in policies.format_violations(found, whole=whole):
            self._show(self._redactor.redact(text))
        return policies.mandatory_violations(found)

    def _event(self, event: EngineEvent) -> None:
        """Takes an event. What fails with it is kept for `go` to raise: the SDK would only warn of it."""
        try:
            if self.checker is not None:
                self.checker.see(event)
            ours = log.convert_engine_event(event, self._redactor)
            if ours is not None:
                self._keep(ours)
        except Exception as error:
            self._failure = self._failure or error

    def _keep(self, ours: Event) -> None:
        self._events.append(ours)
        if self._notice is not None:
            self._notice(ours)


def _stack(engine: Engine, command: EngineCommand) -> Stack:
    work = LocalWorkspace(
        work_dir=str(engine.workspace.directory), env_vars=engine.variables(), pulumi_command=command
    )
    return Stack.select(engine.workspace.stack, work)


def steps(events: Sequence[Event]) -> list[Step]:
    """The steps among the events."""
    return [event for event in events if isinstance(event, Step)]
