"""What the commands do to one stack."""

from __future__ import annotations

from pathlib import Path

from automation import local, prepare, stages, steps, workspace
from automation.engine import Engine
from automation.environment import Environment
from automation.needs import Use

PARALLEL = 40
"""Resources changed at a time: most of them wait for a host, so more than the engine's default."""


def up(environment: Environment, stack: str, file: Path | None) -> int:
    """Makes or changes the cluster; writes its kubeconfig. Returns the engine's exit code."""
    engine = prepare.stack(
        environment, workspace.prepare(environment=environment, stack=stack, source=file), Use.CHANGE
    )
    stages.check(engine)
    steps.check(engine)
    # A host that cannot be reached must not keep the others from being done.
    code = engine.run("up", "--yes", "--skip-preview", "--continue-on-error", "--parallel", str(PARALLEL))
    if code == 0:
        steps.done(engine)
        path = environment.kubeconfig(stack)
        path.touch(mode=0o600)
        path.write_text(engine.output("kubeconfig"))
        print(f"\nexport KUBECONFIG={path}\nkubectl get nodes")
    return code


def preview(environment: Environment, stack: str, file: Path | None, *, as_json: bool = False) -> int:
    """Shows what `up` would change. Returns the engine's exit code."""
    engine = prepare.stack(
        environment, workspace.prepare(environment=environment, stack=stack, source=file), Use.PREVIEW
    )
    stages.check(engine)
    steps.check(engine)
    return engine.run("preview", "--json" if as_json else "--diff")


def down(environment: Environment, stack: str, file: Path | None) -> int:
    """Takes the cluster down. Returns the engine's exit code.

    A local stack's hosts are thrown away, so nothing on them is undone one by one; what the engine
    knew of them is forgotten with them. Any other stack is destroyed by the engine.
    """
    work = workspace.prepare(environment=environment, stack=stack, source=file)
    if local.LAB not in work.config:
        engine = prepare.stack(environment, work)
        return engine.run("destroy", "--yes", "--skip-preview", "--parallel", str(PARALLEL))
    prepare.forget(Engine(environment, work))
    workspace.remove(work)
    return 0


def run(environment: Environment, stack: str, file: Path | None, arguments: list[str]) -> int:
    """Runs any command of the engine on a stack. Returns its exit code."""
    command, *rest = arguments
    use = Use.PREVIEW if command == "preview" else Use.OTHER
    work = workspace.prepare(environment=environment, stack=stack, source=file)
    engine = prepare.stack(environment, work, use)
    return engine.run(command, *rest)
