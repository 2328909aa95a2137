"""Runs a suite against the cluster of a stack, from the selection of specs to the report."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from artifacts import acquire
from artifacts.cache import Cache
from artifacts.catalogue import binary
from artifacts.conformance import mirror, table
from artifacts.progress import Heartbeat, Progress
from automation.conformance import ginkgo, programs, registry, report, suites
from automation.conformance.cluster import Cluster, listed_specs
from automation.conformance.ginkgo import GinkgoProcess, Programs, Tally
from automation.conformance.registry import Images
from automation.conformance.report import Outcome
from automation.conformance.results import Result, ResultFile, Run, State, parse_ginkgo_report
from automation.conformance.suites import Selection, Suite
from automation.environment import Environment
from automation.errors import UserError
from settings import Settings

_REFRESH_INTERVAL = 1.0
"""Seconds between two changes of the progress line on a terminal."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command. An empty `suite` selects among all specs."""

    stack: str
    suite: str = suites.DEFAULT_SUITE
    focus: str = ""
    skip: str = ""
    parallel: int = 4
    resume: bool = False


def conformance(environment: Environment, settings: Settings, options: Options, directory: Path) -> int:
    """Run the specs and write the report to a directory. Return 1 if a spec failed or did not run.

    Raise UserError if the cluster or its registry refuses, if nothing is selected, or if ginkgo ends without
    a result.
    """
    suite = suites.suite_named(options.suite) if options.suite else None
    for option, expression in (("--focus", options.focus), ("--skip", options.skip)):
        suites.compile_option(option, expression)
    kubeconfig = environment.kubeconfig(options.stack)
    if not kubeconfig.is_file():
        raise UserError(
            f"{kubeconfig}: no kubeconfig of stack {options.stack} on this machine; "
            f"run `kubewright up --stack {options.stack}`"
        )
    progress = Progress()
    cache = Cache(environment.cache)
    # The default version of kubectl reads the version of the cluster, which determines all other programs.
    cluster = Cluster(acquire.fetch_or_build(binary("kubectl"), cache, progress), kubeconfig)
    version = cluster.version()
    tools = programs.provide(version, settings, cache, progress)
    images = registry.check_images(mirror.list_images(tools.tests), settings.registries)
    selection = select(tools, suite, options, images)
    prepare_directory(directory)
    file = open_results(directory, options, version)
    specs = file.unfinished(selection.specs)
    progress.note(_plan(options, version, specs, selection))
    removed = cluster.delete_namespaces()
    if removed:
        progress.note(f"removed {len(removed)} namespaces of an earlier run")
    started = time.monotonic()
    interrupted = bool(specs) and run_specs(tools, cluster, file, specs, options.parallel, directory)
    outcome = Outcome.of(
        file,
        selection.specs,
        selection.left_out,
        missing_images=images.missing,
        unchecked_images=images.unchecked,
        seconds=time.monotonic() - started,
    )
    report.write(directory, outcome)
    progress.note(f"{outcome.summary}; report: {directory / report.PAGE}")
    if interrupted:
        progress.note("interrupted; run the same command with --resume to continue")
    return 0 if outcome.succeeded else 1


def select(tools: Programs, suite: Suite | None, options: Options, images: Images) -> Selection:
    """Return the selected specs. Raise UserError if images are missing without which no run makes sense."""
    required = table.required(images.missing)
    if required:
        raise UserError(
            f"the registry mirror of the stack lacks {len(required)} images of the tests, such as "
            f"{required[0]}; run `kubewright mirror --conformance`, then `kubewright up` for a lab or "
            "`kubewright artifacts push` for your own registry"
        )
    available = suites.parse_listed(listed_specs(tools.tests))
    without = table.specs_without(images.missing)
    return suites.select(
        available, suite=suite, focus=options.focus, skip=options.skip, missing_images=without
    )


def prepare_directory(directory: Path) -> None:
    """Create the directory of the report. Raise UserError if it cannot be written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / ginkgo.JSON_REPORT).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"--report: {directory}: cannot be written: {error.strerror}") from None


def open_results(directory: Path, options: Options, version: str) -> ResultFile:
    """Return the results of a new run, or with `--resume` of the run in the directory."""
    run = Run(
        stack=options.stack,
        kubernetes=version,
        suite=options.suite,
        focus=options.focus,
        skip=options.skip,
        parallel=options.parallel,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    if options.resume:
        return ResultFile.resume(directory, run)
    (directory / ginkgo.OUTPUT).unlink(missing_ok=True)
    return ResultFile.create(directory, run)


def run_specs(
    tools: Programs,
    cluster: Cluster,
    file: ResultFile,
    specs: tuple[str, ...],
    parallel: int,
    directory: Path,
) -> bool:
    """Run ginkgo and record the results. Return whether a signal interrupted the run.

    Raise UserError if ginkgo ended without a result and without an interrupt.
    """
    tally = Tally(len(specs))

    def record(result: Result) -> None:
        tally.finish(result.spec, result.state)
        file.add([result])

    reader = ginkgo.OutputReader(specs, record)

    def read(line: str) -> None:
        tally.observe(line)
        reader.read(line)

    argv = ginkgo.command(tools, specs, kubeconfig=cluster.kubeconfig, parallel=parallel, directory=directory)
    process = GinkgoProcess.start(argv, directory, read)
    with show_progress(lambda: tally.line):
        code = process.wait()
    interrupted = process.interrupts > 0
    recorded = record_report(file, specs, directory / ginkgo.JSON_REPORT)
    if not recorded and not interrupted:
        raise UserError(
            f"ginkgo ended with code {code} and without a report: {last_output(directory / ginkgo.OUTPUT)}; "
            f"see {directory / ginkgo.OUTPUT}"
        )
    return interrupted


def record_report(file: ResultFile, specs: tuple[str, ...], path: Path) -> bool:
    """Record the results in ginkgo's report. Return whether the report is complete.

    A spec whose end was in the output of this attempt keeps its state, because a killed ginkgo writes no
    report and an interrupted spec may have ended before the report.
    """
    try:
        found = list(parse_ginkgo_report(path.read_text(), specs))
    except (OSError, ValueError, KeyError, TypeError):
        return False
    now = {result.spec: result for result in file.results if result.attempt == file.attempt}
    complete = []
    for result in found:
        earlier = now.get(result.spec)
        if result.state is not State.NOT_RUN:
            complete.append(result)
        elif earlier is None and result.reason:
            complete.append(replace(result, state=State.NOT_RUN))
    file.add(complete)
    return True


@contextmanager
def show_progress(line: Callable[[], str]) -> Iterator[None]:
    """Show the progress until the block ends: one line on a terminal, otherwise a line every minute."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        with Heartbeat(lambda: print(line(), file=sys.stderr, flush=True)):
            yield
        return
    with console.status("starting", spinner="dots") as status:

        def update() -> None:
            width = console.width - 4
            status.update(line()[:width].replace("[", "\\["))

        with Heartbeat(update, interval=_REFRESH_INTERVAL):
            yield


def last_output(path: Path) -> str:
    """Return the last line of ginkgo's output that contains a letter."""
    try:
        lines = [line.strip() for line in path.read_text(errors="replace").splitlines()]
    except OSError:
        return "no output"
    return next((line for line in reversed(lines) if any(map(str.isalpha, line))), "no output")


def _plan(options: Options, version: str, specs: tuple[str, ...], selection: Selection) -> str:
    text = f"Kubernetes {version}, suite {options.suite or 'of all specs'}: {len(specs)} specs to run"
    if len(specs) < len(selection.specs):
        text += f", {len(selection.specs) - len(specs)} done before"
    return text + (f", {len(selection.left_out)} left out" if selection.left_out else "")
