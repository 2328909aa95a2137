"""Runs the engine once on a stack: redacts its output, collects its events, and builds the result."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pulumi.automation import LocalWorkspace, OutputMap, Stack, UpdateSummary
from pulumi.automation.errors import ConcurrentUpdateError
from pulumi.automation.events import EngineEvent

from automation.engine.command import EngineCommand
from automation.engine.locks import StackInUse
from automation.engine.output_filter import OutputFilter
from automation.engine.program import NO_REASON, Engine
from automation.engine.time_limit import TimeLimit
from automation.errors import UserError
from automation.stacks import policies
from automation.stacks.events import Event, Message, Step, Summary, convert_engine_event
from automation.stacks.release_watch import ReleaseWatch
from automation.stacks.result import Action, OnEvent, Options, Outcome, Result, ShowLine
from formats.lists import shorten_list
from redaction.redactor import LineRedactor, Redactor

_STACK_TYPE = "pulumi:pulumi:Stack"


class RunStack(Stack):
    """A stack that is selected already, and whose results come from the events of its runs.

    Without this class, the Automation API would select the stack before each run, and would read its outputs
    and its history afterwards. These four commands take longer than a small `up`.
    """

    def __init__(self, name: str, workspace: LocalWorkspace) -> None:
        self.name = name
        self.workspace = workspace

    def outputs(self) -> OutputMap:
        """Return no outputs. `Engine.read_output` reads an output."""
        return {}

    def info(self, show_secrets: bool = True) -> UpdateSummary:
        """Return a summary without content. The events contain the result of the run."""
        return UpdateSummary("", datetime.now(tz=UTC), "", {}, {}, "")


class EngineRun:
    """A run of the engine on one stack. It shows the redacted output and collects the events.

    `policy_checker` checks the events of a preview against the policy rules. `release_watch` observes the
    Helm releases of `up`.
    """

    def __init__(
        self,
        engine: Engine,
        redactor: Redactor,
        show: ShowLine,
        on_event: OnEvent | None,
        policy_checker: policies.PolicyChecker | None = None,
        release_watch: ReleaseWatch | None = None,
    ) -> None:
        self._engine = engine
        self._redactor = redactor
        self._line_redactor = LineRedactor(redactor)
        self._show = show
        self._on_event = on_event
        self._policy_checker = policy_checker
        self._release_watch = release_watch
        self._output_filter = OutputFilter()
        self._events: list[Event] = []
        self._callback_error: Exception | None = None
        self._command: EngineCommand | None = None
        self._time_limit = TimeLimit()
        # The names of started operations by URN, in the order of their start.
        self._running: dict[str, str] = {}
        self._error_lines: set[str] = set()

    @property
    def stack(self) -> str:
        """The name of the stack."""
        return self._engine.workspace.stack

    def execute(self, action: Action, options: Options) -> None:
        """Run the engine until it ends. Raise CommandError, EngineTimeout, StackInUse or Interrupted."""
        self._time_limit = TimeLimit(total=options.timeout, stall=options.stall_timeout)
        self._command = EngineCommand(self._engine.environment.tools, time_limit=self._time_limit)
        stack = RunStack(self._engine.workspace.stack, self._engine.automation_workspace(self._command))
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
            self._engine.workspace.save_encryption_keys()
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
                stack.refresh(parallel=options.parallel, target=list(options.targets) or None, **callbacks)
            case Action.DESTROY:
                # Continue after an error, so that an unreachable host does not prevent other deletions.
                stack.destroy(parallel=options.parallel, continue_on_error=True, **callbacks)

    def build_result(self, action: Action, seconds: float, failure: str) -> Result:
        """Check the policies and return the result of the run.

        `failure` is the reason why the run failed; empty for a successful run. The result contains this
        reason only if it contains no other errors. A run with a failed operation is not successful, also if
        the engine ends without an error, for example after a crash of a plugin.
        """
        failure = failure or self._describe_failed_operations()
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

    def _describe_failed_operations(self) -> str:
        """Return an error that names the operations that failed and did not succeed later; empty for none."""
        last = {event.urn: event for event in self._events if isinstance(event, Step)}
        failed = [f"{step.operation} {step.name}" for step in last.values() if step.phase == "failed"]
        return f"failed operations: {shorten_list(failed)}; run the command again" if failed else ""

    def report_error(self, error: str) -> None:
        """Show an error of the driver and add the error to the events."""
        self._add_event(Message(severity="error", text=error))
        self._show(error)

    def explain_failed_releases(self) -> None:
        """Show why each failed Helm release is not ready, and add these messages to the events."""
        explanations = self._release_watch.explanations() if self._release_watch is not None else {}
        for urn, lines in explanations.items():
            redacted = [self._redactor.redact(line) for line in lines]
            self._add_event(Message(severity="error", text="\n".join(redacted), urn=urn))
            for line in redacted:
                self._show(line)

    def recover(self) -> None:
        """Remove the lock and repair the state after the engine was interrupted or killed."""
        try:
            self._engine.recover()
        except UserError:
            return  # the next run reports the problem with more context

    def describe_timeout(self, action: Action, options: Options) -> str:
        """Return the error message for a run that a time limit stopped, with its running operations."""
        stack = f"stack {self._engine.workspace.stack}"
        if not self._time_limit.stalled:
            return (
                f"{stack}: not finished within {options.timeout:.0f} s; the state records all operations "
                f"that started; run `{action}` again to continue, or set a higher --timeout"
            )
        running = shorten_list(list(self._running.values())) or "none"
        return (
            f"{stack}: stopped, because no operation ended for {options.stall_timeout:.0f} s; running "
            f"operations: {running}; check their hosts, then run `{action}` again, or set a higher "
            "--stall-timeout"
        )

    def explain_failure(self) -> str:
        """Return the reason of the engine's failure.

        Usually error events contain the reason. If there are none (a wrong passphrase, an unreachable
        backend), add an error event with the engine's message, and show the message unless the run has
        already shown it.
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
            if isinstance(converted, Step):
                self._record_progress(converted)
                if self._release_watch is not None:
                    self._release_watch.handle(converted)
            elif isinstance(converted, Message) and converted.progress and not self._time_limit.expired:
                self._time_limit.record_progress()
            if converted is not None:
                self._add_event(converted)
        except Exception as error:
            self._callback_error = self._callback_error or error

    def _record_progress(self, step: Step) -> None:
        """Restart the time without progress, and update the running operations. Do nothing after a limit."""
        if self._time_limit.expired:
            return
        self._time_limit.record_progress()
        if step.phase != "plan":
            self._running.pop(step.urn, None)
        elif step.type != _STACK_TYPE:
            self._running[step.urn] = step.name

    def _add_event(self, event: Event) -> None:
        self._events.append(event)
        if self._on_event is not None:
            self._on_event(event)
