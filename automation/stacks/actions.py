"""What the commands do to one stack: everything around a run of the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from automation import lab_stack, prepare, workspace
from automation.engine.config import decrypted_config
from automation.engine.interrupts import current
from automation.engine.program import Engine
from automation.environment import Environment
from automation.prerequisites import Purpose
from automation.stacks import driver, plans
from automation.stacks.driver import Action, OnEvent, Options, Outcome, Result, ShowLine
from automation.stacks.events import Message, Policy
from automation.stacks.known_secrets import redactor_of_stack
from automation.stacks.preflight import rotation, upgrade
from redaction.redactor import LineRedactor

_TELLING = ("preview", "up", "update", "refresh", "destroy")
"""Commands of the engine's that tell of resources."""
# Tools, mirrors and labs are this machine's: they are made for one stack after another.
_PREPARING = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Job:
    """A stack and how to work on it. `file` is its stack file (None: the checkout's).

    `show` prints a line. `show_engine` is false when a report replaces the engine's own lines.
    """

    environment: Environment
    stack: str
    file: Path | None = None
    options: Options = field(default_factory=Options)
    show: ShowLine = print
    show_engine: bool = True
    notice: OnEvent | None = None

    def engine(self, use: Purpose = Purpose.OTHER) -> Engine:
        """The engine for the stack, with everything that `use` needs. Raises as `prepare.stack` does."""
        found: list[Engine] = []

        def make() -> None:
            with _PREPARING:
                current().check()
                found.append(prepare.prepare_stack(self.environment, self.workspace(), use))

        driver.retry_while_in_use(make, self.options.wait)
        return found[0]

    def workspace(self) -> workspace.Workspace:
        """The stack's work directory, renewed."""
        return workspace.prepare(environment=self.environment, stack=self.stack, source=self.file)

    def drive(self, action: Action, engine: Engine, options: Options | None = None) -> Result:
        """Runs the engine."""
        show = self.show if self.show_engine else _nothing
        return driver.run_action(action, engine, options or self.options, show=show, notice=self.notice)


def up(job: Job) -> Result:
    """Makes or changes the cluster; writes its kubeconfig. With a plan, only what the plan says."""
    engine = job.engine(Purpose.CHANGE)
    rotation.check(engine)
    upgrade.check(engine)
    if job.options.policy:
        judged = _looked_at(job, engine, replace(job.options, plan=None, diff=False))
        if judged.code is Outcome.FAILED:
            return replace(judged, action=Action.UP)
    if job.options.plan is not None:
        wanted = plans.read_saved_plan(job.options.plan, job.stack)
        with plans.temporary_plan_file(engine) as file:
            preview = _looked_at(job, engine, replace(job.options, plan=file, diff=False))
            if preview.code is Outcome.FAILED:
                return replace(preview, action=Action.UP)
            now = plans.SavedPlan(plans.load_engine_plan(file), plans.input_digests(preview.events), engine.state_digest())
            plans.check_unchanged(job.stack, wanted, now)
        with plans.plan_file(engine, wanted.plan) as file:
            result = job.drive(Action.UP, engine, replace(job.options, plan=file))
    else:
        result = job.drive(Action.UP, engine)
    if result.code is not Outcome.FAILED:
        upgrade.done(engine)
        path = job.environment.kubeconfig(job.stack)
        path.touch(mode=0o600)
        path.write_text(engine.output("kubeconfig"))
        job.show(f"\nexport KUBECONFIG={path}\nkubectl get nodes")
    return result


def _looked_at(job: Job, engine: Engine, options: Options) -> Result:
    """A preview that shows, and notes, nothing but why it failed."""
    result = replace(job, show=_nothing, notice=None).drive(Action.PREVIEW, engine, options)
    if result.code is Outcome.FAILED:
        for error in result.errors:
            job.show(error)
        for event in result.events:
            if job.notice is not None and isinstance(event, Message | Policy):
                job.notice(event)
    return result


def preview(job: Job) -> Result:
    """Shows what `up` would change; with a plan, saves it for that `up`."""
    engine = job.engine(Purpose.PREVIEW)
    rotation.check(engine)
    upgrade.check(engine)
    if job.options.plan is None:
        return job.drive(Action.PREVIEW, engine)
    # Before the preview: what somebody does while it is made makes it an old one, too.
    state = engine.state_digest()
    with plans.temporary_plan_file(engine) as file:
        result = job.drive(Action.PREVIEW, engine, replace(job.options, plan=file))
        if result.code is not Outcome.FAILED:
            saved = plans.SavedPlan(plans.load_engine_plan(file), plans.input_digests(result.events), state)
            plans.save_plan(job.options.plan, job.stack, saved)
            job.show(
                f"saved: `kubewright up --stack {job.stack} --plan {job.options.plan}` does this, or nothing"
            )
    return result


def refresh(job: Job) -> Result:
    """Reads what is there into the state."""
    return job.drive(Action.REFRESH, job.engine())


def destroy(job: Job) -> Result:
    """Takes the cluster down by the engine, resource by resource; a lab's hosts stay, empty."""
    return job.drive(Action.DESTROY, job.engine())


ACTIONS: dict[Action, Callable[[Job], Result]] = {
    Action.UP: up,
    Action.PREVIEW: preview,
    Action.REFRESH: refresh,
    Action.DESTROY: destroy,
}


def preview_json(environment: Environment, stack: str, file: Path | None) -> int:
    """Shows the engine's own report of a preview. Returns the engine's exit code."""
    engine = Job(environment=environment, stack=stack, file=file).engine(Purpose.PREVIEW)
    rotation.check(engine)
    upgrade.check(engine)
    return engine.run("preview", "--json")


def down(environment: Environment, stack: str, file: Path | None) -> int:
    """Takes the cluster down. Returns an exit code.

    A local stack's hosts are thrown away, so nothing on them is undone one by one; what the engine
    knew of them is forgotten with them. Any other stack is destroyed by the engine.
    """
    job = Job(environment=environment, stack=stack, file=file)
    work = job.workspace()
    if lab_stack.LAB_KEY not in work.config:
        return 1 if destroy(job).code is Outcome.FAILED else 0
    prepare.remove_lab(Engine(environment, work))
    workspace.remove(work)
    return 0


def run_engine_command(environment: Environment, stack: str, file: Path | None, arguments: list[str]) -> int:
    """Runs any command of the engine on a stack. Returns its exit code."""
    command, *rest = arguments
    use = Purpose.PREVIEW if command == "preview" else Purpose.OTHER
    engine = Job(environment=environment, stack=stack, file=file).engine(use)
    # What a plugin says may repeat a secret, and the nightly look makes an issue of it. Of other commands
    # (`stack output --show-secrets`) the user knows best.
    redact = str
    if command in _TELLING:
        redact = LineRedactor(redactor_of_stack(engine, decrypted_config(engine))).redact_line
    return engine.run(command, *rest, redact=redact)


def _nothing(_: str) -> None:
    """Shows nothing."""
