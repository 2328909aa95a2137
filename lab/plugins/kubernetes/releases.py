"""Operations on Helm releases as resources: check, diff, install, upgrade, read, uninstall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lab.plugins.runtime.diff import Diff, compare
from lab.plugins.runtime.errors import InvalidInput, NotReady, PluginError
from lab.plugins.runtime.log import EngineLog
from lab.plugins.runtime.urns import resource_name
from lab.plugins.runtime.values import (
    UNKNOWN,
    Secret,
    Value,
    has_unknown,
    reveal,
    secret_strings,
)

from . import charts, release_state
from .client import Client
from .errors import Unreachable
from .helm import Helm, HelmError
from .naming import random_suffix, split_id
from .release_inputs import chart_values, helm_flags
from .settings import Settings

Inputs = Mapping[str, Value]
_TIMEOUT_SECONDS = 300
_GRACE_SECONDS = 60.0
# Earlier versions of this plugin had the input `checksum`.
_OUTPUT_ONLY = ("status", "resourceNames", "manifest", "checksum")


class ReleaseManager:
    """Manager that creates, changes and deletes Helm releases on one cluster.

    Args:
        settings: the configuration of the provider.
        helm: the runner of the helm binary for the cluster.
        client: returns the client of the cluster; raises PluginError without a usable kubeconfig.
        log: receives progress and warnings.
    """

    def __init__(self, settings: Settings, helm: Helm, client: Callable[[], Client], log: EngineLog) -> None:
        self._settings = settings
        self._helm = helm
        self._client = client
        self._log = log

    def check(self, urn: str, olds: Inputs, news: Inputs, seed: bytes) -> dict[str, Value]:
        """Return the inputs of a release with name, namespace and, for a local chart, its version.

        Raises:
            InvalidInput: the input `chart` is missing, or the local chart does not exist.
        """
        inputs = {key: value for key, value in news.items() if key not in _OUTPUT_ONLY}
        if not inputs.get("chart"):
            raise InvalidInput("chart", f"release {resource_name(urn)} must name a chart")
        if not inputs.get("name"):
            inputs["name"] = reveal(olds.get("name")) or f"{resource_name(urn)}-{random_suffix(seed)}"
        inputs.setdefault("namespace", self._settings.namespace)
        chart = reveal(inputs["chart"])
        if chart is not UNKNOWN and (local_chart := charts.find_local_chart(str(chart))):
            inputs["version"] = local_chart.version
        return inputs

    def diff(self, urn: str, olds: Inputs, news: Inputs) -> Diff:
        """Compare the old and new inputs of a release. A new name or namespace replaces the release."""
        old = {key: value for key, value in olds.items() if key not in _OUTPUT_ONLY}
        return Diff(compare(old, dict(news), lambda path: path in ("name", "namespace")))

    def create(
        self, urn: str, inputs: Inputs, *, timeout: float, preview: bool
    ) -> tuple[str, dict[str, Value]]:
        """Install a release. Return its id and state.

        Raises:
            NotReady: the release exists but failed.
            PluginError: the release cannot be installed, for example because an interrupted installation left
                a release with this name. With `atomic`, helm has removed the objects of a failed release.
        """
        identity = f"{reveal(inputs['namespace'])}/{reveal(inputs['name'])}"
        if preview:
            return "", self._preview_state(inputs)
        self._log.status(urn, f"installing {identity}")
        release = self._read_release(identity)
        if release is not None and not reveal(inputs.get("replace")):
            # As in the official plugin, an interrupted installation is not completed, and
            # upsertExistingObjects has no effect.
            namespace, name = split_id(identity, self._settings.namespace)
            raise PluginError(
                f"Helm release {identity}: cannot re-use a name that is still in use: the release is "
                f"{release_state.helm_status(release)}; run `helm uninstall {name} --namespace {namespace}` "
                "and then this command again, or import the release (pulumi import)"
            )
        return identity, self._install_or_upgrade("install", identity, inputs, timeout)

    def update(
        self, urn: str, state: Inputs, olds: Inputs, news: Inputs, *, timeout: float, preview: bool
    ) -> dict[str, Value]:
        """Upgrade a release and return its state. With `atomic`, helm rolls back after a failure.

        Raise the same errors as `create`.
        """
        identity = f"{reveal(news['namespace'])}/{reveal(news['name'])}"
        if preview:
            return self._preview_state(news)
        self._log.status(urn, f"upgrading {identity}")
        verb = "upgrade" if self._read_release(identity) is not None else "install"
        return self._install_or_upgrade(verb, identity, news, timeout)

    def read(
        self, urn: str, identity: str, state: Inputs, inputs: Inputs
    ) -> tuple[dict[str, Value], dict[str, Value]]:
        """Return the state and the inputs of a release from the cluster; both empty if it no longer
        exists.
        """
        try:
            release = self._read_release(identity)
        except Unreachable as problem:
            return self._settings.result_if_unreachable(problem, state, inputs)
        if release is None:
            return {}, {}
        known = dict(inputs)
        if not known:
            namespace, name = split_id(identity, self._settings.namespace)
            about = release["chart"]["metadata"]
            known = {
                "name": name,
                "namespace": namespace,
                "chart": about["name"],
                "version": about["version"],
            }
            known["values"] = Secret(release.get("config") or {})
        return release_state.outputs(known, release), known

    def delete(self, urn: str, identity: str, state: Inputs, *, timeout: float) -> None:
        """Uninstall a release. A missing release is no error."""
        namespace, name = split_id(identity, self._settings.namespace)
        limit = _timeout_seconds(reveal(dict(state)), timeout)
        arguments = [
            "uninstall",
            name,
            "--namespace",
            namespace,
            "--ignore-not-found",
            "--timeout",
            f"{limit}s",
        ]
        arguments += [] if reveal(state.get("skipAwait")) else ["--wait"]
        arguments += ["--no-hooks"] if reveal(state.get("disableWebhooks")) else []
        self._log.status(urn, f"uninstalling {identity}")
        try:
            self._require_cluster()
            with self._helm.workspace() as directory:
                self._helm.run(arguments, directory=directory, timeout=limit + _GRACE_SECONDS)
        except Unreachable as problem:
            if not self._settings.delete_unreachable:
                raise PluginError(
                    f"Helm release {identity} was not uninstalled: {problem}. If the cluster is gone for "
                    "good, set deleteUnreachable on the provider to drop the release from the state"
                ) from None
            self._log.warning(urn, f"Helm release {identity} dropped from the state (deleteUnreachable)")
        except HelmError as problem:
            raise PluginError(f"Helm release {identity} was not uninstalled: {problem}") from None

    def _require_cluster(self) -> None:
        """Raise Unreachable if the API server does not respond.

        The error of helm about an unreachable cluster is hard to read.
        """
        client = self._client()
        client.request("GET", "/version", what=f"cluster {client.access.cluster}")

    def _read_release(self, identity: str) -> dict[str, Any] | None:
        """Return the data of `helm status` about a release; None if the release does not exist."""
        self._require_cluster()
        return release_state.read_release(self._helm, identity, self._settings.namespace)

    def _install_or_upgrade(
        self, verb: str, identity: str, inputs: Inputs, timeout: float
    ) -> dict[str, Value]:
        """Run `helm install` or `helm upgrade` (`verb`). Return the state of the release.

        Raises:
            NotReady: the release exists but differs from the request.
            PluginError: the release does not exist after the failure.
        """
        plain = reveal(dict(inputs))
        secrets = list(secret_strings(dict(inputs)))
        limit = _timeout_seconds(plain, timeout)
        namespace, name = split_id(identity, self._settings.namespace)
        self._require_cluster()
        try:
            with self._helm.workspace(chart_values(plain)) as directory:
                arguments = [
                    verb,
                    name,
                    *charts.source_arguments(self._helm, plain, directory, secrets),
                    *["--namespace", namespace, "--timeout", f"{limit}s", "--output", "json"],
                    *["--values", str(directory / "values.json")],
                    *helm_flags(verb, plain),
                ]
                self._helm.run(
                    arguments, directory=directory, secrets=secrets, timeout=limit * 2 + _GRACE_SECONDS
                )
        except HelmError as problem:
            self._raise_failure(verb, identity, inputs, problem)
        release = self._read_release(identity)
        if release is None:
            raise PluginError(f"Helm release {identity} vanished after helm {verb}")
        return release_state.outputs(inputs, release)

    def _raise_failure(self, verb: str, identity: str, inputs: Inputs, problem: HelmError) -> None:
        """Raise the error for a failed helm command: NotReady if the release exists, otherwise
        PluginError.
        """
        rolled_back = bool(reveal(inputs.get("atomic"))) and verb == "upgrade"
        outcome = (
            "; it was rolled back to what ran before" if rolled_back and "rolled back" in str(problem) else ""
        )
        text = f"Helm release {identity}: {verb} failed{outcome}: {problem}"
        release = self._read_release(identity)
        if release is None:
            raise PluginError(text) from None
        raise NotReady([text], resource_id=identity, outputs=release_state.outputs(inputs, release)) from None

    def _preview_state(self, inputs: Inputs) -> dict[str, Value]:
        """Return the previewed state of a release. Render a local chart, so that the preview shows its
        errors.

        Raise InvalidInput if the chart does not render with these values.
        """
        state = {**inputs, "status": UNKNOWN, "resourceNames": UNKNOWN, "manifest": UNKNOWN}
        plain = reveal(dict(inputs))
        if (
            has_unknown(plain)
            or not Path(str(plain["chart"])).expanduser().exists()
            or plain.get("dependencyUpdate")
        ):
            return state
        secrets = list(secret_strings(dict(inputs)))
        with self._helm.workspace(chart_values(plain)) as directory:
            source = charts.source_arguments(self._helm, plain, directory, secrets)
            arguments = ["template", str(plain["name"]), *source, "--namespace", str(plain["namespace"])]
            arguments += ["--values", str(directory / "values.json")]
            try:
                self._helm.run(arguments, directory=directory, secrets=secrets)
            except HelmError as problem:
                # A chart may look up objects in the cluster or need its version; only errors of the chart
                # itself count.
                if (
                    "execution error" in str(problem)
                    or "parse error" in str(problem)
                    or "schema" in str(problem)
                ):
                    raise InvalidInput(
                        "values", f"chart {plain['chart']} does not render: {problem}"
                    ) from None
        return state


def _timeout_seconds(plain: Mapping[str, Any], custom_timeout: float) -> int:
    return int(custom_timeout or plain.get("timeout") or _TIMEOUT_SECONDS)
