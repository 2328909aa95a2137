"""The facts about the change of one stack, from which detectors find risks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from automation.report.hosts import Location, locate, operation_of
from automation.report.model import Operation, Picture
from automation.stacks.events import Step
from topology.model import Topology


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """The facts about the change of one stack.

    `steps` are the planned steps of a preview. `before` and `after` are the machines before and after the
    change. `topology` is None for an invalid stack file.
    """

    steps: Sequence[Step]
    before: Picture
    after: Picture
    topology: Topology | None = None

    @property
    def cluster_exists(self) -> bool:
        """Check whether the cluster exists before the change."""
        return bool(self.before.hosts)

    def location(self, step: Step) -> Location:
        """Return the component, host and role of the resource of a step."""
        return locate(step, self.topology)

    def steps_with(self, *operations: Operation) -> Iterator[Step]:
        """Yield the steps with one of these operations, if the cluster exists before the change."""
        if self.cluster_exists:
            yield from (step for step in self.steps if operation_of(step) in operations)

    def destructive_steps(self) -> Iterator[Step]:
        """Yield the steps that delete or replace a resource, if the cluster exists before the change."""
        return self.steps_with(Operation.DELETE, Operation.REPLACE)

    @property
    def max_unavailable(self) -> Mapping[str, int]:
        """Return the value of `max_unavailable` for each pool of the stack file."""
        return {pool.name: pool.max_unavailable for pool in self.topology.pools} if self.topology else {}
