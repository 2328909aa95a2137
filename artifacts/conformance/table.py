"""The images of upstream's end-to-end tests: how each is made, what it contains, and why.

`e2e.test --list-images` lists the images of a version. Kubewright pulls an image if its registry answers, and
builds it otherwise. Rows without a recipe are images that Kubewright cannot build. The specs that need such
an image are skipped if the image is missing.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial

from artifacts.conformance import recipes
from artifacts.conformance.recipes import TestRecipe
from artifacts.images import Recipe, split_reference


@dataclass(frozen=True, slots=True, kw_only=True)
class TestImage:
    """A row of the table.

    `name` is a shell pattern for the name without registry and tag. `contents` says what the image contains
    and `why` what tests do with it; without a recipe, `why` is the reason why the image is not built. `specs`
    is a regular expression (Python) for the specs that need an image without a recipe. `absent` marks names
    that no registry must have, because tests expect that the image cannot be pulled.
    """

    __test__ = False  # the name begins with Test, which pytest collects

    name: str
    recipe: TestRecipe | None = None
    contents: str
    why: str
    specs: str = ""
    absent: bool = False


_E2E = "e2e-test-images"
_DOCUMENT_WIDTH = 120

TEST_IMAGES: tuple[TestImage, ...] = (
    TestImage(
        name=f"{_E2E}/agnhost",
        recipe=recipes.agnhost,
        contents="agnhost and CoreDNS from Go modules; curl, dig, nc, iproute2, iperf, bash and busybox from "
        "Debian; user 1000 in group 50000; the test registry with pause",
        why="client and server of most tests",
    ),
    TestImage(
        name=f"{_E2E}/busybox",
        recipe=recipes.busybox,
        contents="Debian's static busybox and bash; /bin/sh is `conformance-shell`, which starts one of them",
        why="shell commands; tests expect the messages of busybox and variables such as `data-1` in `env`",
    ),
    TestImage(
        name=f"{_E2E}/nginx",
        recipe=recipes.nginx,
        contents="Debian's nginx with one page",
        why="an HTTP server that is not agnhost; rolling updates between two tags",
    ),
    TestImage(
        name=f"{_E2E}/nonewprivs",
        recipe=recipes.nonewprivs,
        contents="/usr/local/bin/nnp with the setuid bit, and busybox",
        why="allowPrivilegeEscalation",
    ),
    TestImage(
        name=f"{_E2E}/nonroot",
        recipe=recipes.nonroot,
        contents="busybox with the default user 1234",
        why="runAsNonRoot",
    ),
    TestImage(
        name=f"{_E2E}/sample-apiserver",
        recipe=recipes.program_only("sample-apiserver"),
        contents="sample-apiserver of the same version of Kubernetes, and busybox",
        why="aggregation of an API server",
    ),
    TestImage(
        name=f"{_E2E}/resource-consumer",
        recipe=recipes.resource_consumer,
        contents="/consumer and /consume-cpu from Go modules, stress from Debian",
        why="autoscaling by load",
    ),
    TestImage(
        name=f"{_E2E}/kitten",
        recipe=recipes.web_page_of("kitten"),
        contents="agnhost with the pages of kitten; /etc/os-release names Alpine Linux",
        why="rolling updates; the contents of image volumes",
    ),
    TestImage(
        name=f"{_E2E}/nautilus",
        recipe=recipes.web_page_of("nautilus"),
        contents="agnhost with the pages of nautilus",
        why="rolling updates",
    ),
    TestImage(
        name=f"{_E2E}/perl",
        recipe=recipes.from_packages("perl", command="perl"),
        contents="perl from Debian, and busybox",
        why="programs that hold deleted files open",
    ),
    TestImage(
        name=f"{_E2E}/glibc-dns-testing",
        recipe=recipes.dns_testing,
        contents="dig, getent, bash and the C library from Debian; CoreDNS",
        why="DNS with the resolver of the GNU C library",
    ),
    TestImage(
        name=f"{_E2E}/jessie-dnsutils",
        recipe=recipes.dns_testing,
        contents="like glibc-dns-testing",
        why="the name of that image until Kubernetes 1.35",
    ),
    TestImage(
        name=f"{_E2E}/ipc-utils",
        recipe=recipes.from_packages("util-linux"),
        contents="util-linux from Debian, and busybox",
        why="ipcs, for tests of the host's IPC namespace",
    ),
    TestImage(
        name=f"{_E2E}/regression-issue-74839",
        recipe=recipes.program_only("regression-issue-74839"),
        contents="the program of the same name, and busybox",
        why="packets that connection tracking considers invalid",
    ),
    TestImage(
        name=f"{_E2E}/apparmor-loader",
        recipe=recipes.apparmor_loader,
        contents="the loader from Go modules, apparmor_parser from Debian",
        why="AppArmor profiles; the tests skip themselves on nodes without AppArmor",
    ),
    TestImage(
        name="build-image/distroless-iptables",
        recipe=recipes.from_packages(
            "iptables", "nftables", "conntrack", links={"usr/sbin/iptables": "xtables-nft-multi"}
        ),
        contents="iptables, nft, conntrack and busybox from Debian",
        why="the connection tracking of kube-proxy",
    ),
    TestImage(
        name="etcd",
        recipe=recipes.etcd,
        contents="etcd, etcdctl and etcdutl of the catalogue, in the minor version of the tag",
        why="the storage of sample-apiserver",
    ),
    TestImage(
        name="pause",
        recipe=recipes.pause,
        contents="pause of Kubernetes, built with gcc",
        why="containers that only wait",
    ),
    TestImage(
        name="invalid/alpine",
        contents="nothing",
        why="tests expect that this image does not exist",
        absent=True,
    ),
    TestImage(
        name="k8s-authenticated-test/agnhost",
        contents="an old agnhost behind a login",
        why="only upstream's own systems have the credentials",
        specs=r"with a private image|ImageCredentialProvider|pull from private registry with secret",
    ),
    TestImage(
        name=f"{_E2E}/volume/nfs",
        contents="an NFS server",
        why="the server needs the nfsd module of the host's kernel, which hosts of the lab do not have",
        specs=r"\[Driver: nfs\]|NFS",
    ),
    TestImage(
        name="sig-storage/nfs-provisioner",
        contents="NFS-Ganesha with a provisioner",
        why="Debian has no package of the provisioner",
        specs=r"Dynamic Provisioning.*external|\[Driver: nfs\]",
    ),
    TestImage(
        name=f"{_E2E}/volume/iscsi",
        contents="an iSCSI target",
        why="the target needs modules of the host's kernel, which hosts of the lab do not have",
        specs=r"\[Driver: iscsi\]",
    ),
    TestImage(
        name=f"{_E2E}/node-perf/*",
        contents="benchmarks",
        why="only tests of a single node use them, which are another program (e2e_node.test)",
        specs=r"Node Performance Testing",
    ),
    TestImage(
        name="cloud-provider-gcp/*",
        contents="the CSI driver of Google Cloud",
        why="it needs machines of Google Cloud",
        specs=r"\[Driver: pd\.csi",
    ),
    TestImage(
        name="sig-storage/*",
        contents="CSI sidecars and the hostpath driver of SIG Storage",
        why="upstream's releases are images only; each needs its own Go module",
        specs=r"\[Driver: csi-|CSI Mock|CSI Volumes|Driver: csi|\[Feature:AnyVolumeDataSource\]",
    ),
)


def document_items(*, built: bool) -> str:
    """Return the list in docs/conformance.md of the images with or without a recipe."""
    label = "Used for" if built else "Not built"
    items = [
        textwrap.fill(
            f"- `{row.name}`: {row.contents}. {label}: {row.why}.",
            width=_DOCUMENT_WIDTH,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for row in TEST_IMAGES
        if (row.recipe is not None) == built
    ]
    return "\n".join(items) + "\n"


def row_of(reference: str) -> TestImage | None:
    """Return the row of an image, by its full name; None for an image that the table does not know."""
    _, name, _ = split_reference(reference)
    return next((row for row in TEST_IMAGES if fnmatchcase(name, row.name)), None)


def recipes_of(kubernetes: str) -> Mapping[str, Recipe]:
    """Return the recipes of the table for the images of a version of Kubernetes, by name."""
    return {row.name: partial(row.recipe, kubernetes) for row in TEST_IMAGES if row.recipe is not None}


def specs_without(references: Iterable[str]) -> dict[str, re.Pattern[str]]:
    """Return the specs that need one of these missing images, as an expression for each image.

    Images that every run needs (those with a recipe) and images that must be absent are not in the result.
    """
    rows = {reference: row_of(reference) for reference in references}
    return {reference: re.compile(row.specs) for reference, row in rows.items() if row and row.specs}


def required(references: Iterable[str]) -> list[str]:
    """Return the images that a run needs: those that Kubewright can build, and unknown images."""
    rows = {reference: row_of(reference) for reference in references}
    return [reference for reference, row in rows.items() if row is None or row.recipe is not None]
