"""Benchmark of the cloud SDK imports of a preview, in time and memory: `python -m benchmarks.imports`.

The imported modules are read from the source files of the providers. Each set of modules is imported in a
separate process. The benchmark measures processor time, which does not depend on other work of the machine;
an import waits for nothing else.
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
MAX_SECONDS = 3.0
MAX_BYTES = 400 * 10**6
"""Limits for the imports of a cloud, including the program's other libraries."""

_MEASURE_PROGRAM = """
import importlib, json, resource, sys
for name in sys.argv[1:]:
    # The SDKs load a module on the first access to an attribute.
    hasattr(importlib.import_module(name), "anything")
used = resource.getrusage(resource.RUSAGE_SELF)
# ru_maxrss of a child includes its parent's.
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
print(json.dumps([used.ru_utime + used.ru_stime, peak * 1024]))
"""


@dataclass(frozen=True, slots=True)
class ImportCost:
    """The cost of importing a set of modules: processor seconds, and the maximum memory of the process in
    bytes.
    """

    label: str
    modules: tuple[str, ...]
    seconds: float
    size: int

    @property
    def within_limits(self) -> bool:
        """Return whether both limits are met."""
        return self.seconds <= MAX_SECONDS and self.size <= MAX_BYTES


def imported_modules(sources: Iterable[str], sdk: str) -> tuple[str, ...]:
    """Return the sorted names of the modules of an SDK that the texts `sources` import.

    `from sdk import ec2` imports `sdk.ec2`; `from sdk import Provider`, a class, imports `sdk`.
    """
    modules = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names if alias.name.split(".")[0] == sdk}
            elif isinstance(node, ast.ImportFrom) and node.module:
                if node.module == sdk:
                    modules |= {sdk} | {f"{sdk}.{alias.name}" for alias in node.names if alias.name.islower()}
                elif node.module.startswith(f"{sdk}."):
                    modules.add(node.module)
    return tuple(sorted(modules))


def measure(label: str, modules: tuple[str, ...], rounds: int) -> ImportCost:
    """Return the median cost of importing the modules in several rounds, after a first round that fills
    caches.
    """
    results = [_measure_once(modules) for _ in range(rounds + 1)][1:]
    return ImportCost(
        label,
        modules,
        statistics.median(seconds for seconds, _ in results),
        round(statistics.median(size for _, size in results)),
    )


def _measure_once(modules: tuple[str, ...]) -> tuple[float, int]:
    result = subprocess.run(
        [sys.executable, "-c", _MEASURE_PROGRAM, *modules],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        sys.exit(f"{', '.join(modules)}: {result.stderr.strip().splitlines()[-1]}")
    seconds, size = json.loads(result.stdout)
    return seconds, size


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Number of rounds; the table has the medians.")] = 5,
    each: Annotated[bool, typer.Option("--each", help="Measure every module separately, too.")] = False,
) -> None:
    """Print the cost of each cloud's imports. Exit with an error when a cost exceeds its limit."""
    costs = [measure("only pulumi", ("pulumi",), rounds)]
    for cloud, sdk in SDKS.items():
        sources = [path.read_text() for path in sorted((CHECKOUT / "providers" / cloud).rglob("*.py"))]
        modules = imported_modules(sources, sdk)
        costs.append(measure(f"modules of {sdk} that providers/{cloud} imports", modules, rounds))
        costs.append(measure(f"providers/{cloud} as a whole", (f"providers.{cloud}.provider",), rounds))
        if each:
            costs += [measure(f"  {module}", (module,), rounds) for module in modules if module != sdk]
    table = Table("imported", "seconds", "MB")
    for cost in costs:
        table.add_row(cost.label, f"{cost.seconds:.2f}", f"{cost.size / 10**6:.0f}")
    Console(width=100).print(table)
    exceeding = [cost.label for cost in costs if not cost.within_limits]
    if exceeding:
        sys.exit(f"more than {MAX_SECONDS:.0f} s or {MAX_BYTES / 10**6:.0f} MB: {', '.join(exceeding)}")


if __name__ == "__main__":
    typer.run(main)
