"""Comparison of reports of real previews with the expected reports, and a test of the page in a browser.

`KUBEWRIGHT_UPDATE_REPORTS=1` writes the expected reports; review the difference before you commit the
files.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from automation.report.model import Operation
from automation.report.picture import STYLES
from testkit.offline.machine import Machine
from testkit.stackfile import Document
from tests.engine.stack import ClusterEdit, OfflineStack

EXPECTED = Path(__file__).parent / "reports"


def one_kubelet_setting(cluster: Document) -> None:
    cluster["pools"]["workers"]["kubelet"] = {"max_pods": 90}


def one_worker_more(cluster: Document) -> None:
    cluster["metal"]["hosts"]["w-3"] = {"address": "10.89.0.23", "cpus": 2, "memory": "3Gi"}
    cluster["pools"]["workers"]["hosts"].append("w-3")


def minor_version(cluster: Document) -> None:
    cluster["kubernetes"]["version"] = "1.36.3"


def ca_rotation(cluster: Document) -> None:
    cluster["certificates"] = {"authorities": {"kubernetes": {"generation": 2, "stage": "trust"}}}


def control_planes_removed(cluster: Document) -> None:
    for name in ("cp-2", "cp-3"):
        cluster["control_planes"]["hosts"].remove(name)
        del cluster["metal"]["hosts"][name]


@pytest.fixture(scope="module")
def dev_stack(machine: Machine) -> OfflineStack:
    """Return a stack with a control plane and two workers, one minor version older than the catalogue's."""
    stack = OfflineStack.from_checkout(
        machine, "dev", lambda cluster: cluster.update(kubernetes={"version": "1.35.6"})
    )
    stack.up()
    return stack


@pytest.fixture(scope="module")
def ha_stack(machine: Machine) -> OfflineStack:
    """Return a stack with two load balancers, three control planes and two pools."""
    stack = OfflineStack.from_checkout(machine, "ha")
    stack.up()
    return stack


@pytest.mark.parametrize(
    "change",
    [one_kubelet_setting, one_worker_more, minor_version, ca_rotation],
    ids=lambda each: each.__name__,
)
def test_report_of_a_change_is_as_expected(dev_stack: OfflineStack, change: ClusterEdit) -> None:
    result = dev_stack.preview(change, "--detailed-exit-code", check=False)
    assert result.code == 2, result.text
    _assert_expected(dev_stack.markdown(), getattr(change, "__name__", ""))


def test_report_of_removed_control_planes_is_as_expected(ha_stack: OfflineStack) -> None:
    ha_stack.preview(control_planes_removed)
    _assert_expected(ha_stack.markdown(), control_planes_removed.__name__)
    assert "🔴" in ha_stack.markdown()


def test_output_is_the_report_or_the_text_of_the_engine(dev_stack: OfflineStack) -> None:
    report = dev_stack.preview(one_kubelet_setting, "--format", "report").text
    assert "Stack dev: 2 changes, low risk" in report
    assert '-   "maxPods": 110,' in report
    assert "pulumi:pulumi:Stack" not in report
    for words in (("--raw",), ()):
        raw = dev_stack.preview(one_kubelet_setting, *words).text
        assert "pulumi:pulumi:Stack" in raw
        assert "Stack dev:" not in raw


def test_report_without_changes_is_a_single_line(dev_stack: OfflineStack) -> None:
    result = dev_stack.preview(lambda cluster: None, "--detailed-exit-code", check=False)
    assert result.code == 0, result.text
    assert dev_stack.markdown() == "### Stack `dev`: ✅ no changes\n"


def test_report_of_an_invalid_configuration_has_all_errors(dev_stack: OfflineStack) -> None:
    def add_mistakes(cluster: Document) -> None:
        cluster["pools"]["workers"]["hots"] = ["w-1"]
        cluster["network"]["mtu"] = "wide"

    result = dev_stack.preview(add_mistakes, check=False)
    assert result.code == 1
    report = dev_stack.markdown()
    assert "preview failed" in report
    assert "kubewright:cluster.pools.workers.hots: unknown key; did you mean hosts?" in report
    assert "kubewright:cluster.network.mtu" in report
    assert "Traceback" not in report + result.text


def test_browser_shows_picture_and_table_of_the_page(ha_stack: OfflineStack, tmp_path: Path) -> None:
    ha_stack.preview(control_planes_removed)
    page = ha_stack.html().as_uri()
    dom = _chromium("--dump-dom", page, home=tmp_path)
    assert dom.count("<svg") == 2
    # The browser's DOM of the picture: three control planes before the change, one control plane after it.
    before, after = re.findall(r"<svg.*?</svg>", dom, re.DOTALL)
    assert len(re.findall(r">[-~] cp-\d<", before)) == 3
    assert len(re.findall(r">~ cp-\d<", after)) == 1
    assert "stroke-dasharray" in before, "deleted hosts are not marked"
    table = re.search(r'<table class="changes">.*?</table>', dom, re.DOTALL)
    assert table is not None
    assert "cluster-etcd" in table[0]
    assert "cp-2, cp-3" in table[0]
    _chromium("--window-size=1200,1400", f"--screenshot={tmp_path}/page.png", page, home=tmp_path)
    pixels = _count_pixels(tmp_path / "page.png", tmp_path)
    # Unchanged, changed and deleted hosts have colored boxes, which have more pixels than text.
    for state in (Operation.SAME, Operation.CHANGE, Operation.DELETE):
        assert pixels.get(STYLES[state].fill, 0) > 2000, f"no box of a host: {state}"


def _assert_expected(report: str, name: str) -> None:
    # Each run creates other certificates.
    report = re.sub(r"(kubelet-ca-digest: )[0-9a-f]{16}", r"\1(digest)", report)
    path = EXPECTED / f"{name}.md"
    if os.environ.get("KUBEWRIGHT_UPDATE_REPORTS"):
        path.write_text(report)
    assert report == path.read_text()


def _chromium(*words: str, home: Path) -> str:
    """Return the output of a browser with a separate profile directory, independent of other running
    browsers.
    """
    browser = shutil.which("chromium")
    assert browser, "chromium is missing: apt-get install chromium"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command = [browser, *options, f"--user-data-dir={home}/chromium", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout


_COUNT = """<body><script>
const picture = new Image();
picture.onload = () => {
  const canvas = document.createElement("canvas");
  canvas.width = picture.width; canvas.height = picture.height;
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  const counts = new Map();
  const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
  for (let i = 0; i < data.length; i += 4) {
    const color = "#" + [0, 1, 2].map(k => data[i + k].toString(16).padStart(2, "0")).join("");
    counts.set(color, (counts.get(color) || 0) + 1);
  }
  document.body.textContent = JSON.stringify(Object.fromEntries(counts));
};
picture.src = "data:image/png;base64,PICTURE";
</script></body>"""


def _count_pixels(screenshot: Path, home: Path) -> dict[str, int]:
    """Return the number of pixels of each color in a screenshot. The browser counts the pixels."""
    page = home / "colors.html"
    page.write_text(_COUNT.replace("PICTURE", base64.b64encode(screenshot.read_bytes()).decode()))
    dom = _chromium("--virtual-time-budget=20000", "--dump-dom", page.as_uri(), home=home)
    match = re.search(r"<body>({.*})</body>", dom)
    assert match is not None, dom[-500:]
    counts: dict[str, int] = json.loads(match[1])
    return counts
