"""Scripts that run kubectl on the deployer's machine, with an administrator kubeconfig."""

from __future__ import annotations

from pulumi import CustomTimeouts, Input, Output, Resource, ResourceOptions
from pulumi_command.local import Command, Logging

_TIMEOUTS = CustomTimeouts(create="30m", update="30m", delete="30m")
# The official plugin cancels a command with SIGKILL, after which no trap runs. The kubeconfig must therefore
# not be in a file that remains. File descriptor 3 is an empty file that is removed before the kubeconfig is
# written to it. kubectl opens /dev/fd/3 again for each read (proc(5), "/proc/pid/fd"). The directory contains
# only the cache of kubectl, which has no secret.
_PROLOGUE = """\
set -eu
umask 077
kubewright=$(mktemp -d)
trap 'rm -rf "$kubewright"' EXIT
trap 'exit 130' HUP INT TERM
exec 3<>"$kubewright/kubeconfig"
rm "$kubewright/kubeconfig"
cat >&3
command -v kubectl >/dev/null || { echo 'kubectl is not on PATH; install it, or use make' >&2; exit 1; }
kubectl() { command kubectl --kubeconfig=/dev/fd/3 --cache-dir="$kubewright" "$@"; }
(
"""
_EPILOGUE = ") </dev/null\n"


def operate(
    name: str,
    script: Input[str],
    opts: ResourceOptions,
    *,
    kubeconfig: Output[str],
    on_delete: str = "",
) -> Resource:
    """Create the command that runs `script` on the deployer's machine; the script reads the kubeconfig by
    stdin.

    The contract is `components.provider.Provider.operate`. `on_delete` is the script for a deleted command.
    """
    stdin: Output[str] = Output.secret(kubeconfig)
    return Command(
        name,
        create=Output.from_input(script).apply(with_kubectl),
        delete=with_kubectl(on_delete) if on_delete else None,
        stdin=stdin,
        logging=Logging.NONE,
        add_previous_output_in_env=False,
        opts=ResourceOptions.merge(opts, ResourceOptions(custom_timeouts=_TIMEOUTS)),
    )


def with_kubectl(script: str) -> str:
    """Return `script` with a definition of the shell function `kubectl` before it.

    The script runs in a subshell, because it may set traps.
    """
    return f"{_PROLOGUE}{script}{_EPILOGUE}"
