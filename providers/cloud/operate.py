"""Scripts with an administrator's rights, run by the deployer's own kubectl."""

from __future__ import annotations

from pulumi import CustomTimeouts, Input, Output, Resource, ResourceOptions
from pulumi_command.local import Command, Logging

_LIMIT = CustomTimeouts(create="30m", update="30m", delete="30m")
_HERE = """\
set -eu
umask 077
kubewright=$(mktemp -d)
trap 'rm -rf "$kubewright"' EXIT
trap 'exit 130' HUP INT TERM
cat >"$kubewright/kubeconfig"
command -v kubectl >/dev/null || { echo 'kubectl is not on PATH; install it, or use make' >&2; exit 1; }
kubectl() { command kubectl --kubeconfig="$kubewright/kubeconfig" --cache-dir="$kubewright" "$@"; }
(
"""
_END = ") </dev/null\n"


def operate(
    name: str,
    script: Input[str],
    opts: ResourceOptions,
    *,
    kubeconfig: Output[str],
    on_delete: str = "",
) -> Resource:
    """Runs `script` as `components.provider.Provider.operate` says; the kubeconfig goes by stdin."""
    stdin: Output[str] = Output.secret(kubeconfig)
    return Command(
        name,
        create=Output.from_input(script).apply(here),
        delete=here(on_delete) if on_delete else None,
        stdin=stdin,
        logging=Logging.NONE,
        add_previous_output_in_env=False,
        opts=ResourceOptions.merge(opts, ResourceOptions(custom_timeouts=_LIMIT)),
    )


def here(script: str) -> str:
    """The script with what `kubectl` is here; in a shell of its own, since it may set traps."""
    return f"{_HERE}{script}{_END}"
