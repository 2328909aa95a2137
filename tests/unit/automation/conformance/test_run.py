"""Tests of a whole run with fake programs: the order of its steps, `--resume`, and its errors."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from artifacts.cache import Cache
from artifacts.errors import ArtifactError
from automation.conformance import registry
from automation.conformance.registry import Images
from automation.conformance.run import Options, conformance
from automation.environment import Environment
from automation.errors import UserError
from settings import Settings, load
from testkit.artifact_server import add_artifact

ONE, TWO, PRIVATE = (
    "[sig-apps] one [Conformance]",
    "[sig-node] two [Conformance]",
    "[sig-apps] with a private image [Conformance]",
)
AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
PRIVATE_IMAGE = "gcr.io/k8s-authenticated-test/agnhost:2.6"
OPTIONS = Options(stack="dev", parallel=2)

DEV_STACK = Path(__file__).parents[4] / "Pulumi.dev.yaml"

TESTS = f"""\
#!/bin/sh
if [ "$1" = --list-images ]; then echo {AGNHOST}; echo {PRIVATE_IMAGE}; exit; fi
cat <<'EOF'
    k8s.io/kubernetes/test/e2e/apps/a.go:1: {ONE}
    k8s.io/kubernetes/test/e2e/node/b.go:2: {TWO}
    k8s.io/kubernetes/test/e2e/apps/c.go:3: {PRIVATE}
EOF
"""
KUBECTL = """\
#!/bin/sh
echo "$@" >> "{log}"
case "$*" in
*/version*) cat "{directory}/version" ;;
*"get namespaces"*) printf 'namespace/left-1\\nnamespace/left-2\\n' ;;
esac
"""
GINKGO = """\
#!/bin/sh
echo "ginkgo $@" >> "{log}"
cat "{directory}/output"
if [ -e "{directory}/ginkgo.json" ]; then cp "{directory}/ginkgo.json" "{report}/ginkgo.json"; fi
exit "$(cat "{directory}/code")"
"""


class Machine:
    """Fake programs of a run. `passed` and `failed` are the specs of the next run of ginkgo."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.report = directory / "report"
        self.log = directory / "log"
        self.environment = Environment(state=directory / "state", cache=directory / "cache")
        self.settings = settings_without_mirror()
        cache = Cache(self.environment.cache)
        places = {"log": self.log, "directory": directory, "report": self.report}
        programs = {"e2e.test": TESTS, "ginkgo": GINKGO.format(**places), "kubectl": KUBECTL.format(**places)}
        for name, text in programs.items():
            add_artifact(cache, name, "1.36.3", text.encode(), directory)
        kubeconfig = self.environment.kubeconfig("dev")
        kubeconfig.parent.mkdir(parents=True)
        kubeconfig.write_text("{}")
        self.set_version("v1.36.3")
        self.images = Images(present=(AGNHOST,), missing=(PRIVATE_IMAGE,))
        monkeypatch.setattr(registry, "check_images", lambda *_: self.images)

    def set_version(self, version: str) -> None:
        (self.directory / "version").write_text(json.dumps({"gitVersion": version}))

    def results(
        self, *, passed: tuple[str, ...] = (), failed: tuple[str, ...] = (), report: bool = True
    ) -> None:
        """Set the results of the next run of ginkgo. Without `report`, ginkgo writes only its output."""
        lines = [f"• [1.0 seconds]\n{spec} [sig]\n" for spec in passed]
        lines += [f"• [FAILED] [2.0 seconds]\n{spec} [sig]\n" for spec in failed]
        (self.directory / "output").write_text("".join(lines) or "no cluster\n")
        (self.directory / "code").write_text("1" if failed or not report else "0")
        specs = [spec_report(spec, "passed") for spec in passed]
        specs += [spec_report(spec, "failed", "it broke") for spec in failed]
        (self.directory / "ginkgo.json").unlink(missing_ok=True)
        if report:
            (self.directory / "ginkgo.json").write_text(json.dumps([{"SpecReports": specs}]))

    def run(self, options: Options = OPTIONS) -> int:
        return conformance(self.environment, self.settings, options, self.report)

    def page(self) -> str:
        return (self.report / "report.md").read_text()


def settings_without_mirror() -> Settings:
    """Return settings whose mirror does not answer."""
    cluster = yaml.safe_load(DEV_STACK.read_text())["config"]["kubewright:cluster"]
    cluster["artifacts"] = {"mirror": "https://127.0.0.1:1"}
    return load(cluster)


def spec_report(spec: str, state: str, message: str = "") -> dict[str, object]:
    sig, _, text = spec.partition(" ")
    failure = {"Message": message, "Location": {"FileName": "k8s/test/e2e/a.go", "LineNumber": 7}}
    return {
        "ContainerHierarchyTexts": [sig], "LeafNodeType": "It", "LeafNodeText": text, "State": state,
        "RunTime": 1_000_000_000, "Failure": failure if message else {},
    }  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("KUBEWRIGHT_OFFICIAL", "never")
    return Machine(tmp_path, monkeypatch)


def test_passed_run_ends_with_zero_and_two_reports(machine: Machine) -> None:
    machine.results(passed=(ONE, TWO))
    assert machine.run() == 0
    assert "| passed | 2 |" in machine.page()
    assert f"| {PRIVATE} | image {PRIVATE_IMAGE} is missing |" in machine.page()
    assert ET.parse(machine.report / "junit.xml").getroot().get("tests") == "3"


def test_namespaces_of_an_interrupted_run_are_deleted_before_the_tests(machine: Machine) -> None:
    machine.results(passed=(ONE, TWO))
    machine.run()
    lines = machine.log.read_text().splitlines()
    deletion = next(number for number, line in enumerate(lines) if "delete namespace" in line)
    assert lines[deletion].endswith("left-1 left-2")
    assert deletion < next(number for number, line in enumerate(lines) if line.startswith("ginkgo "))


def test_failed_run_ends_with_one_and_the_reason(machine: Machine) -> None:
    machine.results(passed=(ONE,), failed=(TWO,))
    assert machine.run() == 1
    assert "it broke" in machine.page()
    assert "at `a.go:7`" in machine.page()


def test_resume_runs_only_what_has_not_passed_and_shows_the_earlier_failure(machine: Machine) -> None:
    machine.results(passed=(ONE,), failed=(TWO,))
    machine.run()
    machine.log.unlink()
    machine.results(passed=(TWO,))
    assert machine.run(replace(OPTIONS, resume=True)) == 0
    (ginkgo,) = [line for line in machine.log.read_text().splitlines() if line.startswith("ginkgo ")]
    assert "two" in ginkgo
    assert "one" not in ginkgo
    assert "Failed before they passed" in machine.page()


def test_resume_of_a_complete_run_starts_no_ginkgo(machine: Machine) -> None:
    machine.results(passed=(ONE, TWO))
    machine.run()
    machine.log.unlink()
    assert machine.run(replace(OPTIONS, resume=True)) == 0
    assert "ginkgo " not in machine.log.read_text()


def test_killed_ginkgo_keeps_the_results_of_its_output(machine: Machine) -> None:
    machine.results(passed=(ONE,), report=False)
    with pytest.raises(
        UserError, match=r"ginkgo ended with code 1 and without a report: .*; see .*output\.log"
    ):
        machine.run()
    machine.results(passed=(TWO,))
    assert machine.run(replace(OPTIONS, resume=True)) == 0


def test_ginkgo_that_fails_at_once_is_quoted(machine: Machine) -> None:
    machine.results(report=False)
    with pytest.raises(UserError, match="without a report: no cluster; see "):
        machine.run()


def test_missing_kubeconfig_names_the_command(machine: Machine) -> None:
    machine.environment.kubeconfig("dev").unlink()
    with pytest.raises(UserError, match=r"no kubeconfig of stack dev .* run `kubewright up --stack dev`"):
        machine.run()


def test_refused_kubeconfig_quotes_the_cluster(machine: Machine) -> None:
    script = b"#!/bin/sh\necho noise >&2\necho 'error: You must be logged in to the server' >&2\nexit 1\n"
    add_artifact(Cache(machine.environment.cache), "kubectl", "1.36.3", script, machine.directory)
    with pytest.raises(
        UserError, match=r"the cluster refuses the kubeconfig .*: error: You must be logged in"
    ):
        machine.run()


def test_version_without_tests_is_named(machine: Machine) -> None:
    machine.set_version("v1.29.0")
    with pytest.raises(
        UserError, match=r"runs Kubernetes 1\.29\.0, and there is no e2e\.test .* has 1\.36\.3"
    ):
        machine.run()


def test_missing_agnhost_is_an_error_before_any_test(machine: Machine) -> None:
    machine.images = Images(missing=(AGNHOST,))
    with pytest.raises(UserError, match=r"lacks 1 images .*agnhost:2\.63\.0; run `kubewright mirror --conf"):
        machine.run()
    assert "ginkgo " not in machine.log.read_text()


def test_report_directory_that_cannot_be_created_is_named(machine: Machine) -> None:
    machine.report = Path("/proc/no")
    with pytest.raises(UserError, match="--report: /proc/no: cannot be written"):
        machine.run()


def test_wrong_expression_is_an_error_before_the_cluster_is_asked(machine: Machine) -> None:
    with pytest.raises(UserError, match="--skip"):
        machine.run(replace(OPTIONS, skip="("))
    assert not machine.log.exists()


def test_program_that_cannot_be_had_is_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Path:
        raise ArtifactError("e2e.test 1.36.1: cannot be built")

    monkeypatch.setattr("artifacts.gobuild.build", fail)
    machine.set_version("v1.36.1")
    with pytest.raises(ArtifactError, match=r"e2e\.test 1\.36\.1"):
        machine.run()
