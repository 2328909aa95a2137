"""The Pulumi program of a cluster: reads the settings of the stack, registers resources, exports outputs."""
# ruff: noqa: E402 - imports follow a statement that makes them faster

from __future__ import annotations

import gc

# Python searches new objects for garbage. The objects of modules and resources live until the end of the
# program, and the search took half of its processor time.
gc.disable()

import signal
import sys
from functools import partial
from pathlib import Path

import pulumi

import nodeconfig
import settings
from artifacts.errors import ArtifactError
from components.await_registration import await_registration
from package.build import BuildArgs, build_cluster
from package.stack_config import read_cluster_config, read_secret_inputs

# Exit code for errors that the program has logged. The engine's language host prints no traceback for it.
_EXIT_CODE_LOGGED_ERROR = 32
_GARBAGE_THRESHOLDS = (50_000, 20, 20)
"""New objects before a search of the youngest objects, and searches of a generation before the next one."""


def deploy() -> None:
    """Deploy the cluster. Raise SettingsError, ArtifactError or BundleError with a readable message."""
    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    gc.enable()
    stack = settings.load(read_cluster_config())
    built = build_cluster(BuildArgs(settings=stack, directory=Path.cwd(), inputs=read_secret_inputs(stack)))
    for name, value in built.outputs.items():
        pulumi.export(name, value)
    pulumi.run(partial(await_registration, built.cluster.nodes))


# The engine interrupts the program after a failed update: exit without a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)
try:
    deploy()
except (settings.SettingsError, ArtifactError, nodeconfig.BundleError) as error:
    for line in str(error).splitlines():
        pulumi.log.error(line)
    sys.exit(_EXIT_CODE_LOGGED_ERROR)
