"""The Pulumi program of a cluster: settings of the stack, resources, outputs."""

from __future__ import annotations

import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pulumi

import nodeconfig
import settings
from artifacts.errors import ArtifactError
from components.await_registration import await_registration
from package.build import BuildArgs, build_cluster
from settings.hosts_file import join_hosts

# Exit code for errors that the program has logged. The engine's language host prints no traceback for it.
_EXIT_CODE_LOGGED_ERROR = 32


def deploy() -> None:
    """Deploy the cluster. Raise SettingsError, ArtifactError or BundleError with a readable message."""
    stack = settings.load(read_cluster_config())
    built = build_cluster(BuildArgs(settings=stack, directory=Path.cwd()))
    for name, value in built.outputs.items():
        pulumi.export(name, value)
    pulumi.run(partial(await_registration, built.cluster.nodes))


def read_cluster_config() -> Any:  # noqa: ANN401 - any value of a stack file
    """Return the value of `kubewright:cluster`, or "" for a value of another type, which `settings.load`
    reports.
    """
    try:
        config = pulumi.Config("kubewright")
        return join_hosts(config.get_object("cluster") or {}, config.get("hosts-file"))
    except pulumi.ConfigTypeError:
        return ""


# The engine interrupts the program after a failed update: exit without a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)
try:
    deploy()
except (settings.SettingsError, ArtifactError, nodeconfig.BundleError) as error:
    for line in str(error).splitlines():
        pulumi.log.error(line)
    sys.exit(_EXIT_CODE_LOGGED_ERROR)
