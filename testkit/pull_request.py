"""A pull request for a stack, handled as a workflow does: preview, comment, and `up` with the saved plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testkit import forges
from testkit.forges import ForgeServer
from testkit.process import CommandResult

RunCommand = Callable[..., CommandResult]
"""Function that runs `kubewright <command> --stack <stack> --file <file> <words>`; `check` as in
`process.run`.
"""


@dataclass
class PullRequest:
    """A pull request for one stack. Jobs of the workflow pass files to each other in `directory`."""

    stack: str
    run: RunCommand
    comment: RunCommand
    """Runs `kubewright comment <words>` with the forge's token in the environment."""
    server: ForgeServer
    directory: Path

    @property
    def plan(self) -> Path:
        """Return the path of the plan that the last preview saved."""
        return self.directory / "plan.json"

    def push(self, *, check: bool = True) -> str:
        """Run `preview` and `comment`, as the workflow does after a push to the branch. Return the comment's
        text.
        """
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

    def merge(self, plan: Path | None = None, *, check: bool = True) -> CommandResult:
        """Run `up` with the approved plan (by default the last plan), as the workflow does after a merge."""
        return self.run("up", "--policy", "--plan", str(plan or self.plan), check=check)
