"""The API's balancer of both clusters: one haproxy on the machine, so that neither pays for it.

Kubewright could bring its own and kubeadm could not; this compares what both do.
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
from benchmarks.ready import plan

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
def balancer(directory: Path) -> Iterator[None]:
    """The balancer, for as long as a lab is up. `directory` is for its program and settings."""
    place = directory / "haproxy"
    if not place.exists():
        with tarfile.open(acquire.obtain(binary("haproxy"), Cache.default(), Progress())) as tar:
            tar.extractall(place, filter="tar")
    settings = directory / "haproxy.cfg"
    servers = (f"  server {host} {plan.address(host)}:{plan.API_PORT}" for host in plan.CONTROL_PLANES)
    settings.write_text(_SETTINGS.format(endpoint=plan.endpoint(), servers="\n".join(servers)))
    with (directory / "haproxy.log").open("ab") as log:
        process = subprocess.Popen(
            [str(place / "haproxy"), "-db", "-f", str(settings)], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait()
