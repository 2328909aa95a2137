"""A pull request for a stack, as a workflow handles it: preview, comment, later `up` by the saved plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testkit.forges import ForgeServer
from testkit.process import Done

from testkit import forges

Run = Callable[..., Done]
"""Runs `kubewright <command> --stack <stack> --file <file> <words>`; `check` as in `process.run`."""


@dataclass
class PullRequest:
    """Of one stack. `directory` is where a job of the workflow leaves what the next one takes."""

    stack: str
    run: Run
    comment: Run
    """Runs `kubewright comment <words>`, the token in its environment."""
    server: ForgeServer
    directory: Path

    @property
    def plan(self) -> Path:
        """The plan that the last preview saved."""
        return self.directory / "plan.json"

    def push(self, *, check: bool = True) -> str:
        """What a push to the branch starts: a preview, and its comment. Returns the comment's text."""
        self.run(
            *["preview", "--policy", "--report", str(self.directory), "--save-plan", str(self.plan)],
            check=check,
        )
        self.comment(
            *["comment", "--stack", self.stack, "--report", str(self.directory / f"{self.stack}.md")],
            *["--github", f"{forges.PROJECT}#{forges.NUMBER}", "--api-url", self.server.url],
            check=True,
        )
        comments = self.server.texts()
        assert len(comments) == 1, f"{len(comments)} comments on one pull request"
        return comments[0]

    def merge(self, plan: Path | None = None, *, check: bool = True) -> Done:
        """What a merge starts: `up`, by the plan that was approved (default: the last)."""
        return self.run("up", "--policy", "--plan", str(plan or self.plan), check=check)
