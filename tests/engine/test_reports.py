"""Reports of real previews against those that are kept here, and the page in a browser.

`KUBEWRIGHT_UPDATE_REPORTS=1` writes them anew; read the difference before committing it.
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
from tests.engine.stack import Change, Stack

KEPT = Path(__file__).parent / "reports"


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
def dev(machine: Machine) -> Stack:
    """One control plane and two workers, at the minor version before the catalogue's."""
    stack = Stack.from_checkout(
        machine, "dev", lambda cluster: cluster.update(kubernetes={"version": "1.35.6"})
    )
    stack.up()
    return stack


@pytest.fixture(scope="module")
def ha(machine: Machine) -> Stack:
    """Two balancers, three control planes, two pools."""
    stack = Stack.from_checkout(machine, "ha")
    stack.up()
    return stack


@pytest.mark.parametrize(
    "change",
    [one_kubelet_setting, one_worker_more, minor_version, ca_rotation],
    ids=lambda each: each.__name__,
)
def test_the_report_of_a_change_is_the_one_kept(dev: Stack, change: Change) -> None:
    said = dev.preview(change, "--detailed-exit-code", check=False)
    assert said.code == 2, said.text
    _same(dev.markdown(), getattr(change, "__name__", ""))


def test_the_report_of_removed_control_planes_is_the_one_kept(ha: Stack) -> None:
    ha.preview(control_planes_removed)
    _same(ha.markdown(), control_planes_removed.__name__)
    assert "🔴" in ha.markdown()


def test_no_change_is_a_report_that_says_so(dev: Stack) -> None:
    said = dev.preview(lambda cluster: None, "--detailed-exit-code", check=False)
    assert said.code == 0, said.text
    assert dev.markdown() == "### Stack `dev`: ✅ nothing to do\n"


def test_a_broken_configuration_is_a_report_with_all_errors(dev: Stack) -> None:
    def broken(cluster: Document) -> None:
        cluster["pools"]["workers"]["hots"] = ["w-1"]
        cluster["network"]["mtu"] = "wide"

    said = dev.preview(broken, check=False)
    assert said.code == 1
    report = dev.markdown()
    assert "cannot be previewed" in report
    assert "kubewright:cluster.pools.workers.hots: unknown key; did you mean hosts?" in report
    assert "kubewright:cluster.network.mtu" in report
    assert "Traceback" not in report + said.text


def test_the_page_shows_picture_and_table_in_a_browser(ha: Stack, tmp_path: Path) -> None:
    ha.preview(control_planes_removed)
    page = ha.html().as_uri()
    dom = _chromium("--dump-dom", page, home=tmp_path)
    assert dom.count("<svg") == 2
    # What is drawn, as the browser has parsed it: three control planes before, one after.
    before, after = re.findall(r"<svg.*?</svg>", dom, re.DOTALL)
    assert len(re.findall(r">[-~] cp-\d<", before)) == 3
    assert len(re.findall(r">~ cp-\d<", after)) == 1
    assert "stroke-dasharray" in before, "what goes is not marked"
    table = re.search(r'<table class="changes">.*?</table>', dom, re.DOTALL)
    assert table is not None
    assert "cluster-etcd" in table[0]
    assert "cp-2, cp-3" in table[0]
    _chromium("--window-size=1200,1400", f"--screenshot={tmp_path}/page.png", page, home=tmp_path)
    colours = _colours(tmp_path / "page.png", tmp_path)
    # The boxes of hosts that stay, change and go are as large as boxes, not as letters.
    for state in (Operation.SAME, Operation.CHANGE, Operation.DELETE):
        assert colours.get(STYLES[state].fill, 0) > 2000, f"no box of a host: {state}"


def _same(report: str, name: str) -> None:
    path = KEPT / f"{name}.md"
    if os.environ.get("KUBEWRIGHT_UPDATE_REPORTS"):
        path.write_text(report)
    assert report == path.read_text()


def _chromium(*words: str, home: Path) -> str:
    """What the browser prints. A directory of its own: another one that runs is none of ours."""
    browser = shutil.which("chromium")
    assert browser, "chromium is missing: apt-get install chromium"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    line = [browser, *options, f"--user-data-dir={home}/chromium", *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=240, check=True).stdout


_COUNT = """<body><script>
const picture = new Image();
picture.onload = () => {
  const canvas = document.createElement("canvas");
  canvas.width = picture.width; canvas.height = picture.height;
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  const seen = new Map();
  const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
  for (let i = 0; i < data.length; i += 4) {
    const colour = "#" + [0, 1, 2].map(k => data[i + k].toString(16).padStart(2, "0")).join("");
    seen.set(colour, (seen.get(colour) || 0) + 1);
  }
  document.body.textContent = JSON.stringify(Object.fromEntries(seen));
};
picture.src = "data:image/png;base64,PICTURE";
</script></body>"""


def _colours(screenshot: Path, home: Path) -> dict[str, int]:
    """How many pixels a screenshot has of each colour, counted by the browser itself."""
    page = home / "colours.html"
    page.write_text(_COUNT.replace("PICTURE", base64.b64encode(screenshot.read_bytes()).decode()))
    dom = _chromium("--virtual-time-budget=20000", "--dump-dom", page.as_uri(), home=home)
    found = re.search(r"<body>({.*})</body>", dom)
    assert found is not None, dom[-500:]
    counted: dict[str, int] = json.loads(found[1])
    return counted
