"""Tests of Helm releases on a real API server with the real engine and the helm binary."""

from __future__ import annotations

import json
from pathlib import Path

from testkit.chart_registry import serve_charts
from testkit.control_plane import ControlPlane
from tests.plugins.kubernetes.stack import PluginStack

CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-page
data:
  text: {{ .Values.text | quote }}
  chart: {{ .Chart.Version | quote }}
{{- if .Values.broken }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: Not_A_Name
{{- end }}
{{- if .Values.stuck }}
---
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-stuck
spec:
  automountServiceAccountToken: false
  containers: [{name: never, image: example/never}]
{{- end }}
"""
PROGRAM = """
    release = k8s.helm.v3.Release("page", name="page", namespace="pages", create_namespace=True,
        chart="./chart", atomic=True, timeout=%(timeout)s, values={"text": "%(text)s",
        "password": pulumi.Output.secret("open-sesame"), "stuck": %(stuck)s, "broken": %(broken)s}, opts=on)
    pulumi.export("revision", release.status.revision)
"""
DIGEST_PROGRAM = """
    k8s.helm.v3.Release("page", name="page", namespace="pages", create_namespace=True, atomic=True,
        chart="%s", version="1.0.0", values={"text": "%%s"},
        repository_opts=k8s.helm.v3.RepositoryOptsArgs(ca_file="%s"), opts=on)
"""
INITIAL_VALUES = {"text": "hello", "stuck": False, "broken": False, "timeout": 60}


def write_chart(directory: Path, version: str) -> None:
    """Write a chart with this version to the folder `chart` of a directory."""
    (directory / "chart" / "templates").mkdir(parents=True, exist_ok=True)
    (directory / "chart" / "Chart.yaml").write_text(
        f"apiVersion: v2\nname: page\nversion: {version}\nappVersion: a1\n"
    )
    (directory / "chart" / "values.yaml").write_text("text: nothing\nstuck: false\nbroken: false\n")
    (directory / "chart" / "templates" / "page.yaml").write_text(CONFIG_MAP)


def deployed_text(control_plane: ControlPlane) -> str:
    """Return the text in the ConfigMap of the deployed release."""
    return control_plane.kubectl("get", "configmap", "-n", "pages", "page-page", "-ojsonpath={.data.text}")


def test_release_is_installed_upgraded_rolled_back_and_deleted(
    stack: PluginStack, control_plane: ControlPlane
) -> None:
    write_chart(stack.directory, "1.0.0")
    stack.write_program(PROGRAM % INITIAL_VALUES)
    stack.preview()
    output = stack.up()
    assert "revision: 1" in output
    assert deployed_text(control_plane) == "hello"
    assert stack.planned_operations() == {}
    assert "open-sesame" not in json.dumps(stack.exported_state())

    stack.write_program(PROGRAM % {**INITIAL_VALUES, "text": "good day"})
    assert '"hello" => "good day"' in stack.preview()
    assert "revision: 1 => 2" in stack.up()
    assert deployed_text(control_plane) == "good day"

    # A new version of the chart is an update, even with unchanged values.
    write_chart(stack.directory, "1.1.0")
    assert stack.planned_operations() == {"update": 1}
    stack.up()
    assert (
        control_plane.kubectl("get", "configmap", "-n", "pages", "page-page", "-ojsonpath={.data.chart}")
        == "1.1.0"
    )

    stack.write_program(PROGRAM % {**INITIAL_VALUES, "text": "open-sesame", "stuck": True, "timeout": 5})
    failure = stack.up(fails=True)
    assert "Helm release pages/page: upgrade failed; it was rolled back" in failure
    assert "open-sesame" not in failure
    assert deployed_text(control_plane) == "good day"

    stack.write_program(PROGRAM % {**INITIAL_VALUES, "text": "good day", "broken": True})
    assert "Not_A_Name" in stack.up(fails=True)
    assert deployed_text(control_plane) == "good day"

    stack.write_program(PROGRAM % {**INITIAL_VALUES, "text": "good night"})
    stack.up()
    assert deployed_text(control_plane) == "good night"
    assert stack.planned_operations() == {}
    stack.destroy()
    assert control_plane.kubectl("get", "configmap", "-n", "pages", "-l", "none=none") == ""
    assert control_plane.kubectl("get", "configmap", "-n", "pages", "page-page", "--ignore-not-found") == ""


def test_failed_install_leaves_nothing_and_can_be_repeated(
    stack: PluginStack, control_plane: ControlPlane
) -> None:
    write_chart(stack.directory, "1.0.0")
    stack.write_program(PROGRAM % {**INITIAL_VALUES, "broken": True})
    assert "Helm release pages/page: install failed" in stack.up(fails=True)
    assert control_plane.kubectl("get", "secret", "-n", "pages", "-l", "owner=helm", "-oname") == ""
    stack.write_program(PROGRAM % INITIAL_VALUES)
    stack.up()
    assert deployed_text(control_plane) == "hello"
    stack.destroy()


def test_missing_chart_is_reported_in_the_preview(stack: PluginStack) -> None:
    stack.write_program(PROGRAM % INITIAL_VALUES)
    text = stack.preview(fails=True)
    assert "there is no chart at ./chart" in text


def test_chart_with_a_digest_is_installed_until_the_registry_serves_another(
    stack: PluginStack, control_plane: ControlPlane, tmp_path: Path
) -> None:
    with serve_charts(tmp_path) as registry:
        write_chart(stack.directory, "1.0.0")
        digest = registry.push(stack.directory / "chart")
        program = DIGEST_PROGRAM % (f"oci://{registry.host}/charts/page@{digest}", registry.ca_file)
        stack.write_program(program % "hello")
        stack.up()
        assert deployed_text(control_plane) == "hello"
        assert stack.planned_operations() == {}

        (stack.directory / "chart" / "values.yaml").write_text("text: replaced\nstuck: true\nbroken: true\n")
        assert registry.push(stack.directory / "chart") != digest
        stack.write_program(program % "good day")
        assert "digest mismatch" in stack.up(fails=True)
        assert deployed_text(control_plane) == "hello"
        stack.write_program(program.replace(', version="1.0.0"', "") % "good day")
        stack.up()
        assert deployed_text(control_plane) == "good day"
        stack.destroy()
