"""The API's load balancer for the clusters of Kubewright and kubeadm: haproxy on the machine of the lab.

kubeadm creates no load balancer, so the benchmark does not use Kubewright's load balancer either.
"""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from artifacts import acquire
from artifacts.cache import Cache
from artifacts.catalogue import binary
from artifacts.progress import Progress
from benchmarks.ready import layout

_SETTINGS = """\
global
  maxconn 4000
defaults
  mode tcp
  timeout connect 2s
  timeout client 1d
  timeout server 1d
  timeout check 2s
frontend api
  bind {endpoint}
  default_backend control-planes
backend control-planes
  option httpchk GET /readyz
  http-check expect status 200
  default-server check check-ssl verify none inter 500ms fall 2 rise 1
{servers}
"""


@contextmanager
def run_load_balancer(directory: Path) -> Iterator[None]:
    """Run the load balancer during the block. `directory` is for its program and its configuration."""
    programs = directory / "haproxy"
    if not programs.exists():
        with tarfile.open(acquire.fetch_or_build(binary("haproxy"), Cache.default(), Progress())) as tar:
            tar.extractall(programs, filter="tar")
    settings = directory / "haproxy.cfg"
    servers = (f"  server {host} {layout.address(host)}:{layout.API_PORT}" for host in layout.CONTROL_PLANES)
    settings.write_text(_SETTINGS.format(endpoint=layout.endpoint(), servers="\n".join(servers)))
    with (directory / "haproxy.log").open("ab") as log:
        process = subprocess.Popen(
            [str(programs / "haproxy"), "-db", "-f", str(settings)], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait()
