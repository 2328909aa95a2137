"""Tests of downloads by each program that a host may have: a file with another digest is never accepted."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nodeconfig.host_program import prelude

CONTENT = b"the artifact\n"
DIGEST = sha256(CONTENT).hexdigest()

# `command -v` finds only the program under test. Not every machine has wget: curl downloads in its place.
ONLY = """
command() { [ "$2" = "$ONLY" ]; }
wget() {
    for word; do
        case $word in --output-document=*) output=${word#*=} ;; esac
    done
    curl --fail --silent --output "$output" "$word"
}
"""
WAYS = ("curl", "wget", "apt-helper")


class QuietRequestHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Log nothing, because tests need no log of requests."""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Serve the artifact on loopback and return its URL."""
    directory = tmp_path / "mirror"
    directory.mkdir()
    (directory / "tool").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietRequestHandler, directory=str(directory)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/tool"
    server.shutdown()
    server.server_close()
    thread.join()


def download(way: str, url: str, target: Path, digest: str) -> subprocess.CompletedProcess[str]:
    """Run `download` of the host program on a host that has only one program for downloads."""
    work = target.parent / "work"
    work.mkdir()
    text = f'{prelude()}\n{ONLY}\ndownload "$2" "$3" "$4"\n'
    return subprocess.run(
        ["sh", "-c", text, "sh", str(work), url, str(target), digest],
        env={"PATH": "/usr/bin:/bin", "ONLY": way},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("way", WAYS)
def test_a_file_with_its_digest_is_downloaded(way: str, url: str, tmp_path: Path) -> None:
    result = download(way, url, tmp_path / "tool", DIGEST)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "tool").read_bytes() == CONTENT


@pytest.mark.parametrize("way", WAYS)
def test_a_file_with_another_digest_is_refused_by_every_way_of_downloading(
    way: str, url: str, tmp_path: Path
) -> None:
    other = sha256(b"another artifact\n").hexdigest()
    result = download(way, url, tmp_path / "tool", other)
    assert result.returncode != 0
    assert result.stderr.splitlines()[-1] == f"sha256 is {DIGEST}, not {other}"


@pytest.mark.parametrize("way", WAYS)
def test_a_missing_file_is_an_error(way: str, url: str, tmp_path: Path) -> None:
    assert download(way, f"{url}-missing", tmp_path / "tool", DIGEST).returncode != 0


@pytest.fixture
def boot_program(tmp_path: Path) -> Path:
    """Install a boot program that writes its arguments to the file of its last argument."""
    path = tmp_path / "root/usr/local/lib/kubewright-boot/boot"
    path.parent.mkdir(parents=True)
    path.write_text('printf "%s\\n" "$1 $2" >"$3"\n')
    return path


def fetch_from_store(root: Path, digest: str) -> subprocess.CompletedProcess[str]:
    text = f'{prelude()}\ndownload store:tool/1.0 "$2" "$3"\n'
    return subprocess.run(
        ["sh", "-c", text, "sh", str(root), str(root / "tool"), digest],
        env={"PATH": "/usr/bin:/bin", "KUBEWRIGHT_ROOT": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_file_of_the_own_store_is_fetched_by_the_boot_program(boot_program: Path, tmp_path: Path) -> None:
    boot_program.write_text('echo "$1 ${2%/*}" >"$3"\n')
    expected = "artifact tool/1.0\n"
    result = fetch_from_store(tmp_path / "root", sha256(expected.encode()).hexdigest())
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "root/tool").read_text() == expected


def test_file_of_the_own_store_with_another_digest_is_refused(boot_program: Path, tmp_path: Path) -> None:
    result = fetch_from_store(tmp_path / "root", DIGEST)
    assert (tmp_path / "root/tool").read_text() == f"artifact tool/1.0/{DIGEST}\n"
    assert result.returncode == 1
    assert f", not {DIGEST}" in result.stderr


def test_failure_of_the_boot_program_is_a_failed_download(boot_program: Path, tmp_path: Path) -> None:
    boot_program.write_text('printf "the artifact\\n" >"$3"; echo denied >&2; exit 3\n')
    result = fetch_from_store(tmp_path / "root", DIGEST)
    assert result.returncode != 0
    assert result.stderr == "denied\n"
