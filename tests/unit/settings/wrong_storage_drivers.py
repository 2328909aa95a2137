"""Invalid settings of volumes outside of the cluster: NFS servers and Ceph clusters."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import InvalidSettings

NFS, CEPH = "storage.nfs", "storage.ceph"
VOLUME: dict[str, Any] = {"server": "10.0.0.5", "path": "/srv/media", "capacity": "100Gi"}
DRIVER: dict[str, Any] = {"server": "nfs.example", "path": "/srv/kubernetes"}
KEY = "AQC6Y5BkAAAAABAAtzmTqeCcDJ6zPb3cPOtPcA=="
RBD: dict[str, Any] = {"pool": "kubernetes", "user": "kubernetes", "secret_key": KEY}
CLUSTER: dict[str, Any] = {
    "cluster_id": "b9127830-b0cc-4e34-aa47-9d1a2e9949a8",
    "monitors": ["10.0.0.7:6789"],
    "rbd": RBD,
}


def volume(path: str, phrase: str, /, **keys: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings of a PersistentVolume `media` with a problem at `path` below it."""
    return InvalidSettings(
        f"{NFS}.volumes.media.{path}", phrase, {NFS: {"volumes": {"media": VOLUME | keys}}}
    )


def driver(path: str, phrase: str, /, **keys: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings of csi-driver-nfs with a problem at `path` below its section."""
    return InvalidSettings(f"{NFS}.driver.{path}", phrase, {NFS: {"driver": DRIVER | keys}})


def ceph(path: str, phrase: str, /, **keys: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings of a Ceph cluster with a problem at `path` below its section."""
    return InvalidSettings(f"{CEPH}.{path}" if path else CEPH, phrase, {CEPH: CLUSTER | keys})


def rbd(path: str, phrase: str, /, **keys: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings of RBD with a problem at `path` below its section."""
    return ceph(f"rbd.{path}", phrase, rbd=RBD | keys)


STORAGE_DRIVERS = (
    # Volumes of NFS
    volume("server", '"10.0.0.555": not an IPv4 address', server="10.0.0.555"),
    volume("server", '"nfs server": not a DNS name', server="nfs server"),
    volume("server", "is a name of the cluster's DNS", server="nfs.media.svc.cluster.local"),
    volume("path", '"srv/media": not a path on a server', path="srv/media"),
    volume("path", '"/srv/../etc": not a path on a server', path="/srv/../etc"),
    volume("capacity", '"0": must be above 0, such as 100Gi', capacity="0"),
    volume("access_modes[0]", "allowed: ReadWriteOnce", access_modes=["ReadWriteOncePod"]),
    volume("reclaim_policy", "Kubernetes deletes no data of such a volume", reclaim_policy="Delete"),
    volume("claim", '"library": not a claim; allowed: NAMESPACE/NAME', claim="library"),
    volume("mount_options[0]", '"hard,vers=4": not one mount option', mount_options=["hard,vers=4"]),
    volume("mount_options", "locks of NFS version 3 need the daemon rpc.statd", mount_options=["vers=3"]),
    volume("mount_options", '"2": no version of NFS; use one of 3, 4', mount_options=["nfsvers=2"]),
    volume("mount_options", '"sec=krb5p": needs Kerberos', mount_options=["vers=4.2", "sec=krb5p"]),
    volume("mount_options", '"xprtsec=tls": needs the daemon tlshd', mount_options=["xprtsec=tls"]),
    volume("mount_options", '"proto=tcp": needs the file /etc/netconfig', mount_options=["proto=tcp"]),
    InvalidSettings(
        f"{NFS}.volumes.more.claim",
        f'"media/library": {NFS}.volumes.media is for this claim',
        {NFS: {"volumes": {name: VOLUME | {"claim": "media/library"} for name in ("media", "more")}}},
    ),
    # Drivers and their charts
    InvalidSettings(f"{NFS}.driver.path", "missing", {NFS: {"driver": {"server": "nfs.example"}}}),
    driver("mount_options", '"sec=krb5i": needs Kerberos', mount_options=["sec=krb5i"]),
    driver("version", '"5.0.0": not supported; use a version 4.13.x', version="5.0.0"),
    driver(
        "repository",
        "allowed only with a chart's name",
        chart="oci://registry.example/csi-driver-nfs",
        repository="https://charts.example",
    ),
    driver("chart", "no digest after @", chart="oci://registry.example/csi-driver-nfs@sha256:1"),
    InvalidSettings(
        "helm_releases.web.namespace",
        '"csi-driver-nfs": belongs to storage.nfs.driver; use another namespace',
        {
            NFS: {"driver": DRIVER},
            "helm_releases.web": {"chart": "./charts/web", "namespace": "csi-driver-nfs"},
        },
        together_with=1,
    ),
    InvalidSettings(
        f"{CEPH}.rbd.class_name",
        f'"nfs": is the class of {NFS}.driver; choose another name',
        {NFS: {"driver": DRIVER}, CEPH: CLUSTER | {"rbd": RBD | {"class_name": "nfs"}}},
    ),
    InvalidSettings(
        f"{CEPH}.rbd.default_class",
        f"a cluster has one default class, and {NFS}.driver has it",
        {
            NFS: {"driver": DRIVER | {"default_class": True}},
            CEPH: CLUSTER | {"rbd": RBD | {"default_class": True}},
        },
    ),
    # Ceph
    ceph("", "has neither rbd nor cephfs; add one, or remove the section", rbd=None),
    ceph("cluster_id", "not the id of a Ceph cluster; use the fsid", cluster_id="my cluster"),
    ceph("monitors[0]", '"10.0.0.7": not a monitor; allowed: HOST:PORT', monitors=["10.0.0.7"]),
    ceph("monitors[1]", '"10.0.0.7:6789": named twice; remove one', monitors=["10.0.0.7:6789"] * 2),
    ceph("monitors[1]", "port 3300 has another protocol", monitors=["10.0.0.7:6789", "10.0.0.8:3300"]),
    rbd("pool", '"my pool": not a name of Ceph', pool="my pool"),
    rbd("data_pool", '"kubernetes": is the pool of the metadata too', data_pool="kubernetes"),
    rbd("user", "has the type of the user in its name; write kubernetes", user="client.kubernetes"),
    rbd("secret_key", "is not a key of Ceph; use the text that", secret_key="cGFzc3dvcmQ="),
    rbd("file_system", '"btrfs": unknown; allowed: ext4, xfs', file_system="btrfs"),
    rbd("version", '"3.9.0": not supported; use a version 3.17.x', version="3.9.0"),
    ceph("cephfs.file_system", "missing", rbd=None, cephfs={"user": "kubernetes", "secret_key": KEY}),
    InvalidSettings("storage.snapshots", "must be true or false", {"storage.snapshots": "always"}),
)
