"""Situations that raise the alerts of `addons.monitoring` about etcd and its snapshots."""

from __future__ import annotations

from testkit.alerts import DAY, Case, Firing, label_text, one_alert, target_down

_HOST = {"job": "node-exporter", "instance": "cp-1"}
_COPY = _HOST | {"target": "offsite"}
_BUCKET = 'bucket{job="etcd",instance="cp-1",le='

ETCD_CASES: dict[str, Case] = {
    "a member of etcd is down": target_down("etcd", "EtcdMemberDown", silent="6m", firing="8m"),
    "a member of etcd has no leader": one_alert(
        {'etcd_server_has_leader{job="etcd",instance="cp-1"}': "1x4 0x10 1x10"},
        "5m",
        "7m",
        Firing(alert="EtcdNoLeader", labels={"job": "etcd", "instance": "cp-1"}),
        "16m",
    ),
    "etcd changes its leader often": one_alert(
        {'etcd_server_leader_changes_seen_total{job="etcd",instance="cp-1"}': "0x60 0+1x10 10x200"},
        "60m",
        "80m",
        Firing(alert="EtcdManyLeaderChanges", severity="warning", labels={"job": "etcd", "instance": "cp-1"}),
        "150m",
    ),
    "the disk of etcd is slow": one_alert(
        {
            f'etcd_disk_wal_fsync_duration_seconds_{_BUCKET}"0.5"}}': "0+1x60",
            f'etcd_disk_wal_fsync_duration_seconds_{_BUCKET}"1"}}': "0+100x60",
            f'etcd_disk_wal_fsync_duration_seconds_{_BUCKET}"+Inf"}}': "0+100x60",
        },
        "9m",
        "20m",
        Firing(alert="EtcdSlowDisk", severity="warning", labels={"job": "etcd", "instance": "cp-1"}),
    ),
    "the database of etcd is nearly full": one_alert(
        {
            'etcd_mvcc_db_total_size_in_bytes{job="etcd",instance="cp-1"}': "70x9 81x20 70x20",
            'etcd_server_quota_backend_bytes{job="etcd",instance="cp-1"}': "100x60",
        },
        "15m",
        "22m",
        Firing(alert="EtcdDatabaseNearlyFull", labels={"job": "etcd", "instance": "cp-1"}),
        "35m",
    ),
    "the newest snapshot is too old": one_alert(
        {f"kubewright_etcd_snapshot_timestamp_seconds{{{label_text(_HOST)}}}": "0x760 45600x100"},
        "735m",
        "745m",
        Firing(alert="EtcdSnapshotTooOld", labels=_HOST),
        "765m",
    ),
    "the newest copy of a snapshot is too old": one_alert(
        {f"kubewright_etcd_snapshot_copy_timestamp_seconds{{{label_text(_COPY)}}}": "0x760 45600x100"},
        "735m",
        "745m",
        Firing(alert="EtcdSnapshotCopyTooOld", labels=_COPY),
        "765m",
    ),
    "a target never received a copy": one_alert(
        {
            f"kubewright_etcd_snapshot_copy_failed{{{label_text(_COPY)}}}": "0x4 1x80 0x10",
            f"kubewright_etcd_snapshot_copy_timestamp_seconds{{{label_text(_COPY)}}}": "_x85 5100x10",
        },
        "4m",
        "70m",
        Firing(alert="EtcdSnapshotNeverCopied", labels=_COPY),
        "90m",
        also=(Firing(alert="EtcdSnapshotCopyFailed", severity="warning", labels=_COPY),),
    ),
    "a snapshot cannot be copied": one_alert(
        {
            f"kubewright_etcd_snapshot_copy_failed{{{label_text(_COPY)}}}": "0x4 1x20 0x10",
            f"kubewright_etcd_snapshot_copy_timestamp_seconds{{{label_text(_COPY)}}}": "0x60",
        },
        "9m",
        "11m",
        Firing(alert="EtcdSnapshotCopyFailed", severity="warning", labels=_COPY),
        "27m",
    ),
    "a trial restore fails": one_alert(
        {f"kubewright_etcd_trial_restore_failed{{{label_text(_HOST)}}}": "0x4 1x20 0x10"},
        "9m",
        "11m",
        Firing(alert="EtcdTrialRestoreFailed", labels=_HOST),
        "27m",
    ),
    "the last trial restore is too old": one_alert(
        {f"kubewright_etcd_trial_restore_timestamp_seconds{{{label_text(_HOST)}}}": f"-{10 * DAY}x60"},
        "4m",
        "7m",
        Firing(alert="EtcdTrialRestoreTooOld", severity="warning", labels=_HOST),
    ),
}
