"""`python -m benchmarks.imports`: what importing the clouds' SDKs costs a preview, in seconds and memory.

Measured are the modules that the providers import, found in their sources, each set in a process of its
own. Seconds are the processor's: they are the same on a busy machine, and imports wait for nothing else.
"""

from __future__ import annotations

import ast
import json
import statistics
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

CHECKOUT = Path(__file__).resolve().parents[1]
SDKS = {"aws": "pulumi_aws", "azure": "pulumi_azure_native"}
MOST_SECONDS = 3.0
MOST_BYTES = 400 * 10**6
"""A cloud's limits, the program's own libraries included."""

_MEASURE = """
import importlib, json, resource, sys
for name in sys.argv[1:]:
    # The SDKs load a module when something of it is first looked for.
    hasattr(importlib.import_module(name), "anything")
used = resource.getrusage(resource.RUSAGE_SELF)
# Not ru_maxrss: a child begins with its parent's.
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
print(json.dumps([used.ru_utime + used.ru_stime, peak * 1024]))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one set of modules: processor seconds, the process's largest size in bytes."""

    what: str
    modules: tuple[str, ...]
    seconds: float
    size: int

    @property
    def fits(self) -> bool:
        """Whether both limits are kept."""
        return self.seconds <= MOST_SECONDS and self.size <= MOST_BYTES


def imported(sources: Iterable[str], sdk: str) -> tuple[str, ...]:
    """The SDK's modules that sources import: `from sdk import ec2` is `sdk.ec2`, a class is its module."""
    found = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names if alias.name.split(".")[0] == sdk}
            elif isinstance(node, ast.ImportFrom) and node.module:
                if node.module == sdk:
                    found |= {sdk} | {f"{sdk}.{alias.name}" for alias in node.names if alias.name.islower()}
                elif node.module.startswith(f"{sdk}."):
                    found.add(node.module)
    return tuple(sorted(found))


def measure(what: str, modules: tuple[str, ...], rounds: int) -> Cost:
    """The median of some rounds, after one that fills the caches."""
    results = [_once(modules) for _ in range(rounds + 1)][1:]
    return Cost(
        what,
        modules,
        statistics.median(seconds for seconds, _ in results),
        round(statistics.median(size for _, size in results)),
    )


def _once(modules: tuple[str, ...]) -> tuple[float, int]:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *modules], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{', '.join(modules)}: {done.stderr.strip().splitlines()[-1]}")
    seconds, size = json.loads(done.stdout)
    return seconds, size


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How many times; the medians count.")] = 5,
    each: Annotated[bool, typer.Option("--each", help="Every module on its own, too.")] = False,
) -> None:
    """Show what each cloud's imports cost; fails when one is over its limit."""
    costs = [measure("pulumi alone", ("pulumi",), rounds)]
    for cloud, sdk in SDKS.items():
        sources = [path.read_text() for path in sorted((CHECKOUT / "providers" / cloud).rglob("*.py"))]
        modules = imported(sources, sdk)
        costs.append(measure(f"{sdk}: what providers/{cloud} imports of it", modules, rounds))
        costs.append(measure(f"providers/{cloud}, whole", (f"providers.{cloud}.provider",), rounds))
        if each:
            costs += [measure(f"  {module}", (module,), rounds) for module in modules if module != sdk]
    table = Table("imported", "seconds", "MB")
    for cost in costs:
        table.add_row(cost.what, f"{cost.seconds:.2f}", f"{cost.size / 10**6:.0f}")
    Console(width=100).print(table)
    over = [cost.what for cost in costs if not cost.fits]
    if over:
        sys.exit(f"over {MOST_SECONDS:.0f} s or {MOST_BYTES / 10**6:.0f} MB: {', '.join(over)}")


if __name__ == "__main__":
    typer.run(main)
