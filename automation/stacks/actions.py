"""The actions on one stack: prepares the stack, runs preflight checks, policies and plans, and runs the
engine.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

from automation import prepare, workspace
from automation.engine import output_filter
from automation.engine.config import decrypted_config
from automation.engine.edit import edit_stack_file, edits_stack_file
from automation.engine.interrupts import current_shutdown
from automation.engine.program import Engine
from automation.engine.registry_login import logged_in
from automation.engine.state import export_encrypted
from automation.environment import Environment
from automation.prerequisites import ENGINE_ONLY, Purpose
from automation.stacks import cloud_lab_down, driver, plans, sizes, teardown
from automation.stacks.events import Message, Policy
from automation.stacks.known_secrets import redactor_of_stack
from automation.stacks.preflight import encryption, protection, removed_add_ons, requested, upgrade
from automation.stacks.result import Action, OnEvent, Options, Outcome, Result, ShowLine
from redaction.redactor import LineRedactor, Redactor

_REDACTED_COMMANDS = ("preview", "up", "update", "refresh", "destroy")
"""Commands of the engine that print resources."""
_STATE_COMMANDS = ("cancel", "config", "history", "stack", "state")
"""Engine commands that need no plugin and therefore work on a state of either kind of plugins."""
# Stacks share the tools, mirrors and labs of this machine, so they are prepared one after another.
_PREPARATION_LOCK = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class StackRequest:
    """A request to run an action on one stack.

    `file` is the stack file, or None for the default path in the checkout. `show` prints a line. `on_event`
    receives each event. `show_engine` is false when a report replaces the lines of the engine.
    """

    environment: Environment
    stack: str
    file: Path | None = None
    options: Options = field(default_factory=Options)
    show: ShowLine = print
    show_engine: bool = True
    on_event: OnEvent | None = None

    def prepare_engine(self, purpose: Purpose = Purpose.OTHER) -> Engine:
        """Prepare the stack and return its engine. Raise the errors of `prepare.prepare_stack`."""
        engines: list[Engine] = []

        def prepare_once() -> None:
            with _PREPARATION_LOCK:
                current_shutdown().raise_if_requested()
                engines.append(
                    prepare.prepare_stack(
                        self.environment, self.workspace(), purpose, offline=self.options.offline
                    )
                )

        driver.retry_while_in_use(prepare_once, self.options.wait)
        return engines[0]

    def prepare_editor(self) -> Engine:
        """Return the engine of the stack for commands that only read or edit its configuration."""
        prepare.prepare_deployer(self.environment, ENGINE_ONLY)
        engine = Engine(self.environment, self.workspace())
        driver.retry_while_in_use(engine.select, self.options.wait)
        return engine

    def workspace(self) -> workspace.Workspace:
        """Renew and return the work directory of the stack."""
        return workspace.prepare(environment=self.environment, stack=self.stack, source=self.file)

    def run_engine(self, action: Action, engine: Engine, options: Options | None = None) -> Result:
        """Run the action (preview, up, refresh or destroy) with the engine and return the result."""
        show = self.show if self.show_engine else _ignore_line
        return driver.run_action(action, engine, options or self.options, show=show, on_event=self.on_event)


def up(request: StackRequest) -> Result:
    """Create or change the cluster and write its kubeconfig. With a plan, apply only the planned changes."""
    engine = request.prepare_engine(Purpose.CHANGE)
    read_state = requested.check(engine)
    encryption.check(engine, request.environment, read_state)
    removed_add_ons.begin(engine, read_state)
    resized = sizes.resized_resources(engine, read_state)
    # The refresh changes the state, so a plan is compared with the state before the refresh.
    state = engine.state_digest() if resized and request.options.plan is not None else ""
    if failure := _refresh_sizes(request, engine, resized):
        return replace(failure, action=Action.UP)
    if request.options.policy:
        policy_preview = _silent_preview(request, engine, replace(request.options, plan=None, diff=False))
        if policy_preview.outcome is Outcome.FAILED:
            return replace(policy_preview, action=Action.UP)
    if request.options.plan is not None:
        saved = plans.read_saved_plan(request.options.plan, request.stack)
        with plans.temporary_plan_file(engine) as file:
            plan_preview = _silent_preview(request, engine, replace(request.options, plan=file, diff=False))
            if plan_preview.outcome is Outcome.FAILED:
                return replace(plan_preview, action=Action.UP)
            current_plan = plans.SavedPlan(
                plans.load_engine_plan(file),
                plans.input_digests(plan_preview.events),
                state or engine.state_digest(),
            )
            plans.check_unchanged(request.stack, saved, current_plan)
        with plans.plan_in_temporary_file(engine, saved.plan) as file:
            result = request.run_engine(Action.UP, engine, replace(request.options, plan=file))
    else:
        result = request.run_engine(Action.UP, engine)
    if result.outcome is not Outcome.FAILED:
        upgrade.record_success(engine)
        removed_add_ons.record_success(engine)
        path = request.environment.kubeconfig(request.stack)
        path.touch(mode=0o600)
        path.write_text(engine.read_output("kubeconfig"))
        request.show(f"\nexport KUBECONFIG={path}\nkubectl get nodes")
    return result


def _refresh_sizes(request: StackRequest, engine: Engine, resized: tuple[str, ...]) -> Result | None:
    """Read the current size of the scale sets `resized` into the state. Return the result if this fails.

    An update of a scale set sends the size in the state, which must not be older than the autoscaler's.
    """
    if not resized:
        return None
    options = replace(request.options, plan=None, targets=resized)
    result = _run_silently(Action.REFRESH, request, engine, options)
    return result if result.outcome is Outcome.FAILED else None


def _silent_preview(request: StackRequest, engine: Engine, options: Options) -> Result:
    """Run a preview without output."""
    return _run_silently(Action.PREVIEW, request, engine, options)


def _run_silently(action: Action, request: StackRequest, engine: Engine, options: Options) -> Result:
    """Run the action without output.

    If it fails, show its errors and pass its messages and policy violations to `on_event`.
    """
    result = replace(request, show=_ignore_line, on_event=None).run_engine(action, engine, options)
    if result.outcome is Outcome.FAILED:
        for error in result.errors:
            request.show(error)
        for event in result.events:
            if request.on_event is not None and isinstance(event, Message | Policy):
                request.on_event(event)
    return result


def preview(request: StackRequest) -> Result:
    """Show the changes that `up` would make. With a plan file, save the plan for a later `up`."""
    engine = request.prepare_engine(Purpose.PREVIEW)
    read_state = requested.check(engine)
    if not request.options.offline:
        removed_add_ons.check_preview(engine, request.show)
    if request.options.plan is None:
        return request.run_engine(Action.PREVIEW, engine)
    # `up` does the same: the plan then contains the same sizes unless the autoscaler changes them.
    if failure := _refresh_sizes(request, engine, sizes.resized_resources(engine, read_state)):
        return replace(failure, action=Action.PREVIEW)
    # Read the state before the preview, so that a change during the preview makes the plan outdated.
    state = engine.state_digest()
    with plans.temporary_plan_file(engine) as file:
        result = request.run_engine(Action.PREVIEW, engine, replace(request.options, plan=file))
        if result.outcome is not Outcome.FAILED:
            saved = plans.SavedPlan(plans.load_engine_plan(file), plans.input_digests(result.events), state)
            plans.save_plan(request.options.plan, request.stack, saved)
            request.show(
                f"saved: `kubewright up --stack {request.stack} --plan {request.options.plan}` "
                "makes these changes"
            )
    return result


def refresh(request: StackRequest) -> Result:
    """Update the state from the real resources."""
    return request.run_engine(Action.REFRESH, request.prepare_engine())


def destroy(request: StackRequest) -> Result:
    """Delete the resources of the cluster. The hosts of a lab keep running without the cluster.

    Raise `UserError` for a stack with protected resources.
    """
    engine = request.prepare_engine()
    protection.check(engine)
    result = teardown.destroy(engine, lambda: request.run_engine(Action.DESTROY, engine), request.show)
    if result.outcome is not Outcome.FAILED or current_shutdown().requested:
        return result
    return _report_remaining_resources(request, engine, result)


def _report_remaining_resources(request: StackRequest, engine: Engine, result: Result) -> Result:
    """Show the resources that a failed `destroy` did not delete, and add this message to the result."""
    text = teardown.describe_remaining_resources(request.stack, export_encrypted(engine))
    if not text:
        return result
    request.show(text)
    event = Message(severity="error", text=text)
    if request.on_event is not None:
        request.on_event(event)
    return replace(result, events=(*result.events, event), errors=(*result.errors, text))


ACTIONS: dict[Action, Callable[[StackRequest], Result]] = {
    Action.UP: up,
    Action.PREVIEW: preview,
    Action.REFRESH: refresh,
    Action.DESTROY: destroy,
}


def print_preview_json(
    environment: Environment, stack: str, file: Path | None, *, offline: bool = False
) -> int:
    """Print the JSON report that the engine writes for a preview. Return the exit code of the engine.

    Secrets are masked in the values of the report, so that it remains JSON: a known secret can have the text
    of a number. Other output of the engine is masked line by line.
    """
    request = StackRequest(environment=environment, stack=stack, file=file, options=Options(offline=offline))
    engine = request.prepare_engine(Purpose.PREVIEW)
    requested.check(engine)
    with logged_in(engine) as engine_with_logins:
        result = engine_with_logins.execute("preview", "--json")
    redactor = _redactor(engine)
    _print_redacted_lines(result.stderr, redactor, sys.stderr)
    try:
        report = json.loads(result.stdout)
    except ValueError:
        _print_redacted_lines(result.stdout, redactor, sys.stdout)
    else:
        print(json.dumps(redactor.redact_value(report), indent=4, ensure_ascii=False))
    return result.returncode


def down(environment: Environment, stack: str, file: Path | None) -> int:
    """Delete the cluster. Return an exit code.

    For a lab stack, remove the hosts together with the engine's state; the hosts need no cleanup. For other
    stacks, let the engine destroy the cluster resource by resource.
    """
    request = StackRequest(environment=environment, stack=stack, file=file)
    work_directory = request.workspace()
    if not work_directory.is_lab:
        return 1 if destroy(request).outcome is Outcome.FAILED else 0
    deleted = not work_directory.lab_cloud or cloud_lab_down.destroy_resources(request, destroy)
    prepare.remove_lab(Engine(environment, work_directory))
    workspace.remove_work_directory(work_directory)
    return 0 if deleted else 1


def run_engine_command(environment: Environment, stack: str, file: Path | None, arguments: list[str]) -> int:
    """Run a command of the engine on a stack. Return the exit code of the engine."""
    command, *rest = arguments
    request = StackRequest(environment=environment, stack=stack, file=file)
    if edits_stack_file(command, rest):
        return edit_stack_file(request.prepare_editor(), command, rest)
    if command == "config":
        return request.prepare_editor().run(command, *rest)
    purpose = Purpose.STATE if command in _STATE_COMMANDS else Purpose.OTHER
    purpose = Purpose.PREVIEW if command == "preview" else purpose
    engine = request.prepare_engine(purpose)
    # A plugin can print a secret, and the nightly check copies the output into an issue. The output of
    # other commands is not redacted, because the user can ask for secrets (`stack output --show-secrets`).
    redact = LineRedactor(_redactor(engine)).redact_line if command in _REDACTED_COMMANDS else str
    with logged_in(engine) as engine_with_logins:
        return engine_with_logins.run(command, *rest, redact=redact)


def _redactor(engine: Engine) -> Redactor:
    """Return what masks the secrets of a stack."""
    return redactor_of_stack(engine, decrypted_config(engine))


def _print_redacted_lines(text: str, redactor: Redactor, file: TextIO) -> None:
    """Print output of the engine that is no report, with masked secrets."""
    redact_line = LineRedactor(redactor).redact_line
    for line in output_filter.filter_lines(text.splitlines(keepends=True)):
        print(redact_line(line), end="", file=file)


def _ignore_line(_: str) -> None:
    """Ignore the line."""
