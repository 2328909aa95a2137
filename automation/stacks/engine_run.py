"""Runs the engine once on a stack: redacts its output, collects its events, and builds the result."""

from __future__ import annotations

import time
from typing import Any

from pulumi.automation import Stack
from pulumi.automation.errors import ConcurrentUpdateError
from pulumi.automation.events import EngineEvent

from automation.engine.command import EngineCommand
from automation.engine.locks import StackInUse
from automation.engine.output_filter import OutputFilter
from automation.engine.program import NO_REASON, Engine
from automation.errors import UserError
from automation.stacks import policies
from automation.stacks.events import Event, Message, Summary, convert_engine_event
from automation.stacks.result import Action, OnEvent, Options, Outcome, Result, ShowLine
from redaction.redactor import LineRedactor, Redactor


class EngineRun:
    """A run of the engine on one stack. It shows the redacted output and collects the events.

    `policy_checker` checks the events of a preview by the policy rules.
    """

    def __init__(
        self,
        engine: Engine,
        redactor: Redactor,
        show: ShowLine,
        on_event: OnEvent | None,
        policy_checker: policies.PolicyChecker | None = None,
    ) -> None:
        self._engine = engine
        self._redactor = redactor
        self._line_redactor = LineRedactor(redactor)
        self._show = show
        self._on_event = on_event
        self._policy_checker = policy_checker
        self._output_filter = OutputFilter()
        self._events: list[Event] = []
        self._callback_error: Exception | None = None
        self._command: EngineCommand | None = None
        self._error_lines: set[str] = set()

    def execute(self, action: Action, options: Options) -> None:
        """Run the engine until it ends. Raise CommandError, EngineTimeout, StackInUse or Interrupted."""
        deadline = None if options.timeout is None else time.monotonic() + options.timeout
        self._command = EngineCommand(self._engine.environment.tools, deadline=deadline)
        stack = select_stack(self._engine, self._command)
        try:
            self._call_engine(stack, action, options)
        except ConcurrentUpdateError:
            raise StackInUse(
                f"stack {stack.name}: in use by another update; wait until it ends (--wait), "
                f"or run `kubewright pulumi --stack {stack.name} -- cancel`"
            ) from None
        finally:
            for line in self._output_filter.flush():
                self._show(self._line_redactor.redact_line(line))
            self._engine.workspace.keep_encryption()
        if self._callback_error is not None:
            raise self._callback_error

    def _call_engine(self, stack: Stack, action: Action, options: Options) -> None:
        plan = str(options.plan.absolute()) if options.plan else None
        callbacks: dict[str, Any] = {
            "on_output": self._handle_output_line,
            "on_error": self._handle_error_line,
            "on_event": self._handle_event,
        }
        match action:
            case Action.PREVIEW:
                stack.preview(diff=options.diff, plan=plan, **callbacks)
            case Action.UP:
                # Continue after an error, so that an unreachable host does not prevent changes of other
                # hosts.
                stack.up(parallel=options.parallel, continue_on_error=plan is None, plan=plan, **callbacks)
            case Action.REFRESH:
                stack.refresh(parallel=options.parallel, **callbacks)
            case Action.DESTROY:
                stack.destroy(parallel=options.parallel, **callbacks)

    def build_result(self, action: Action, seconds: float, failure: str) -> Result:
        """Return the result of the run. Check the policies first.

        `failure` is the reason of a failed run, which is used when no error event has a reason.
        """
        violations = self._check_policies(complete=not failure)
        summaries = [event for event in self._events if isinstance(event, Summary)]
        changes = dict(summaries[-1].changes) if summaries else {}
        errors = tuple(e.text for e in self._events if isinstance(e, Message) and e.severity == "error")
        errors += violations
        has_failed = bool(failure or violations)
        has_changes = any(count for name, count in changes.items() if name not in ("same", "read"))
        return Result(
            stack=self._engine.workspace.stack,
            action=action,
            outcome=Outcome.FAILED if has_failed else Outcome.CHANGES if has_changes else Outcome.NOTHING,
            events=tuple(self._events),
            changes=changes,
            seconds=seconds,
            errors=(errors or (failure,)) if has_failed else (),
        )

    def report_error(self, error: str) -> None:
        """Show an error of the driver and add the error to the events."""
        self._add_event(Message(severity="error", text=error))
        self._show(error)

    def recover(self) -> None:
        """Remove the lock and repair the state after the engine was interrupted or killed."""
        try:
            self._engine.recover()
        except UserError:
            return  # the next run reports the problem with more context

    def explain_failure(self) -> str:
        """Return the reason of the engine's failure.

        The reason is in error events. Without error events (a wrong passphrase, an unreachable backend),
        add the engine's message as an event. Show the message unless the output already contained it: the
        output of auxiliary calls is not shown.
        """
        message = self._redactor.redact(self._command.error_message()) if self._command else ""
        failure = f"stack {self._engine.workspace.stack}: {message or NO_REASON}"
        if any(isinstance(event, Message) and event.severity == "error" for event in self._events):
            return failure
        self._add_event(Message(severity="error", text=failure))
        failed_result = self._command.failed_result if self._command else None
        if (
            failed_result is None
            or not failed_result.stderr
            or not set(failed_result.stderr.splitlines()) <= self._error_lines
        ):
            self._show(failure)
        return failure

    def _check_policies(self, *, complete: bool) -> tuple[str, ...]:
        """Show the policy violations. Return a line for each mandatory violation."""
        if self._policy_checker is None:
            return ()
        violations = self._policy_checker.violations()
        for violation in violations:
            self._add_event(violation)
        for text in policies.format_violations(violations, complete=complete):
            self._show(self._redactor.redact(text))
        return policies.mandatory_violations(violations)

    def _handle_error_line(self, line: str) -> None:
        self._error_lines.add(line)
        self._handle_output_line(line)

    def _handle_output_line(self, line: str) -> None:
        # These lines contain the name of a temporary plan file, which is of no use to the user.
        if line.startswith(("Update plan written to", "Run `pulumi up --plan=")):
            return
        for text in self._output_filter.feed(line):
            self._show(self._line_redactor.redact_line(text))

    def _handle_event(self, event: EngineEvent) -> None:
        """Convert and store an event of the engine.

        `execute` raises the errors of this method later, because the SDK would only log a warning.
        """
        try:
            if self._policy_checker is not None:
                self._policy_checker.add_event(event)
            converted = convert_engine_event(event, self._redactor)
            if converted is not None:
                self._add_event(converted)
        except Exception as error:
            self._callback_error = self._callback_error or error

    def _add_event(self, event: Event) -> None:
        self._events.append(event)
        if self._on_event is not None:
            self._on_event(event)


def select_stack(engine: Engine, command: EngineCommand) -> Stack:
    """Return the stack object of the Automation API."""
    return Stack.select(engine.workspace.stack, engine.automation_workspace(command))
