"""Situations that raise the alerts of `addons.monitoring`, for promtool's tests of rules."""

from __future__ import annotations

from testkit.alerts import DAY, Case, Firing, label_text, one_alert, target_down
from testkit.etcd_alert_cases import ETCD_CASES


def _disk(path: str) -> dict[str, str]:
    return {"instance": "w-1", "job": "node-exporter", "mountpoint": path, "fstype": "ext4"}


_HOST = {"job": "node-exporter", "instance": "cp-1"}
_DISK = _disk("/")
_CERTIFICATE = _HOST | {"path": "/etc/kubernetes/pki/apiserver.crt"}
_NODE = {"job": "node-exporter", "instance": "w-1", "node": "w-1", "pool": "workers"}
_OTHER_NODE = {"job": "node-exporter", "instance": "w-2", "node": "w-2", "pool": "workers"}
_API = 'apiserver_request_total{job="apiserver",instance="cp-1",code='
_TEXT_FILE = _HOST | {"file": "/run/kubewright-metrics/kubewright.prom"}
_SERVER = 'haproxy_server_status{job="haproxy",instance="lb-1",proxy="api",state="UP",server='
_FAILED_RULES = "prometheus_rule_evaluation_failures_total"
_FAILED_NOTIFICATIONS = "alertmanager_notifications_failed_total"
_RULES = {"instance": "prometheus-0", "rule_group": "etcd"}
_SLACK = {"instance": "alertmanager-0", "integration": "slack"}

CASES: dict[str, Case] = ETCD_CASES | {
    "an API server is down": target_down("apiserver", "KubernetesApiServerDown", silent="6m", firing="8m"),
    "requests to the API fail": one_alert(
        {f'{_API}"200"}}': "0+90x60", f'{_API}"500"}}': "0x9 0+10x20 200x30"},
        "8m",
        "25m",
        Firing(alert="KubernetesApiErrors"),
        "40m",
    ),
    "requests to the API are slow": one_alert(
        {
            'apiserver_request_duration_seconds_bucket{job="apiserver",verb="GET",le="5"}': "0+1x60",
            'apiserver_request_duration_seconds_bucket{job="apiserver",verb="GET",le="10"}': "0+100x60",
            'apiserver_request_duration_seconds_bucket{job="apiserver",verb="GET",le="+Inf"}': "0+100x60",
        },
        "10m",
        "25m",
        Firing(alert="KubernetesApiSlow", severity="warning", labels={"verb": "GET"}),
    ),
    "no controller manager answers": one_alert(
        {'up{job="controller-manager",instance="cp-1"}': "1x4 0x10 1x10"},
        "9m",
        "11m",
        Firing(alert="KubernetesControllerManagerDown"),
        "16m",
    ),
    "no scheduler exists": one_alert(
        {'up{job="scheduler",instance="cp-1"}': "", 'up{job="scheduler",instance="cp-2"}': "_x9 1x20"},
        "4m",
        "7m",
        Firing(alert="KubernetesSchedulerDown"),
        "12m",
    ),
    "a load balancer has no API server": one_alert(
        {
            f'{_SERVER}"cp-1"}}': "1x4 0x10 1x10",
            f'{_SERVER}"cp-2"}}': "0x60",
        },
        "6m",
        "8m",
        Firing(alert="LoadBalancerWithoutServers", labels={"instance": "lb-1"}),
        "16m",
    ),
    "a host is down": target_down("node-exporter", "HostDown", instance="lb-1", silent="9m", firing="11m"),
    "a node is not ready": one_alert(
        {f"kubewright_node_ready{{{label_text(_NODE)}}}": "1x4 0x10 1x10"},
        "9m",
        "11m",
        Firing(alert="NodeNotReady", labels=_NODE),
        "16m",
    ),
    "a kubelet does not answer": target_down(
        "kubelet", "KubeletDown", instance="w-1", silent="9m", firing="11m"
    ),
    "a pool is drained": one_alert(
        {
            f"kubewright_node_schedulable{{{label_text(_NODE)}}}": "0x60",
            f"kubewright_node_schedulable{{{label_text(_OTHER_NODE)}}}": "1x4 0x10 1x10",
        },
        "9m",
        "11m",
        Firing(alert="PoolDrained", labels={"pool": "workers"}),
        "16m",
    ),
    "a disk is nearly full": one_alert(
        {
            f"node_filesystem_avail_bytes{{{label_text(_DISK)}}}": "50x4 9x10 50x10",
            f"node_filesystem_size_bytes{{{label_text(_DISK)}}}": "100x60",
            # The root of a container image is always full.
            'node_filesystem_avail_bytes{instance="w-1",fstype="squashfs",mountpoint="/snap"}': "0x60",
            'node_filesystem_size_bytes{instance="w-1",fstype="squashfs",mountpoint="/snap"}': "100x60",
        },
        "9m",
        "11m",
        Firing(alert="DiskNearlyFull", labels=_DISK),
        "16m",
    ),
    "a disk fills": one_alert(
        {
            f"node_filesystem_avail_bytes{{{label_text(_DISK)}}}": "50x120 50-0.2x170 17x60",
            f"node_filesystem_size_bytes{{{label_text(_DISK)}}}": "100x400",
        },
        "120m",
        "280m",
        Firing(alert="DiskFullInFourHours", severity="warning", labels=_DISK),
    ),
    "inodes are used": one_alert(
        {
            f"node_filesystem_files_free{{{label_text(_DISK)}}}": "50x4 4x20",
            f"node_filesystem_files{{{label_text(_DISK)}}}": "100x60",
            'node_filesystem_files_free{instance="w-1",mountpoint="/btrfs"}': "0x60",
            'node_filesystem_files{instance="w-1",mountpoint="/btrfs"}': "0x60",
        },
        "14m",
        "16m",
        Firing(alert="InodesNearlyUsed", severity="warning", labels=_DISK),
    ),
    "memory is used": one_alert(
        {
            f"node_memory_MemAvailable_bytes{{{label_text(_HOST)}}}": "50x4 4x20",
            f"node_memory_MemTotal_bytes{{{label_text(_HOST)}}}": "100x60",
        },
        "14m",
        "16m",
        Firing(alert="MemoryNearlyUsed", severity="warning", labels=_HOST),
    ),
    "a volume is nearly full": one_alert(
        {
            'kubelet_volume_stats_available_bytes{namespace="shop",persistentvolumeclaim="db"}': "50x4 9x20",
            'kubelet_volume_stats_capacity_bytes{namespace="shop",persistentvolumeclaim="db"}': "100x60",
        },
        "14m",
        "16m",
        Firing(
            alert="VolumeNearlyFull",
            severity="warning",
            labels={"namespace": "shop", "persistentvolumeclaim": "db"},
        ),
    ),
    "a certificate ends within seven days": Case(
        series={
            f"kubewright_certificate_end_timestamp_seconds{{{label_text(_CERTIFICATE)}}}": (
                f"{7 * DAY + 1200}x40 {400 * DAY}x20"
            )
        },
        expected={
            "15m": (Firing(alert="CertificateEndsInThreeWeeks", severity="warning", labels=_CERTIFICATE),),
            "30m": (Firing(alert="CertificateEndsSoon", labels=_CERTIFICATE),),
            "45m": (),
        },
    ),
    "a certificate cannot be read": one_alert(
        {f"kubewright_certificate_end_timestamp_seconds{{{label_text(_CERTIFICATE)}}}": "0x40"},
        "4m",
        "6m",
        Firing(alert="CertificateEndsSoon", labels=_CERTIFICATE),
    ),
    "a unit is not active": one_alert(
        {f'kubewright_unit_active{{{label_text(_HOST)},unit="kubelet.service"}}': "1x4 0x10 1x10"},
        "9m",
        "11m",
        Firing(alert="UnitNotActive", severity="warning", labels=_HOST | {"unit": "kubelet.service"}),
        "16m",
    ),
    "the program of a host does not run": one_alert(
        {f"node_textfile_mtime_seconds{{{label_text(_TEXT_FILE)}}}": "0x30 1860x20"},
        "14m",
        "22m",
        Firing(alert="HostMetricsTooOld", labels=_TEXT_FILE),
        "35m",
    ),
    "a host has no text": one_alert(
        {
            f"up{{{label_text(_HOST)}}}": "1x40",
            f"node_textfile_mtime_seconds{{{label_text(_TEXT_FILE)}}}": "_x20 1260x5",
        },
        "9m",
        "12m",
        Firing(alert="HostMetricsMissing", labels=_HOST),
        "22m",
    ),
    "another target is down": one_alert(
        {'up{job="kube-proxy",instance="w-1"}': "1x4 0x20 1x10", 'up{job="pods",pod="x"}': "0x60"},
        "14m",
        "16m",
        Firing(alert="TargetDown", severity="warning", labels={"job": "kube-proxy", "instance": "w-1"}),
        "27m",
    ),
    "Prometheus refuses its configuration": one_alert(
        {'prometheus_config_last_reload_successful{instance="prometheus-0"}': "1x4 0x20 1x10"},
        "14m",
        "16m",
        Firing(alert="PrometheusConfigurationRefused", labels={"instance": "prometheus-0"}),
        "27m",
    ),
    "a rule fails": one_alert(
        {f"{_FAILED_RULES}{{{label_text(_RULES)}}}": "0x4 0+1x30"},
        "9m",
        "20m",
        Firing(alert="PrometheusRuleFails", labels=_RULES),
    ),
    "Prometheus finds no Alertmanager": one_alert(
        {'prometheus_notifications_alertmanagers_discovered{instance="prometheus-0"}': "1x4 0x20 1x10"},
        "14m",
        "16m",
        Firing(alert="PrometheusWithoutAlertmanager", labels={"instance": "prometheus-0"}),
        "27m",
    ),
    "a store does not answer": one_alert(
        {
            'prometheus_remote_storage_queue_highest_timestamp_seconds{instance="prometheus-0",job="prometheus",'
            'remote_name="central",url="https://store"}': "0+60x90",
            'prometheus_remote_storage_queue_highest_sent_timestamp_seconds{instance="prometheus-0",'
            'job="prometheus",remote_name="central",url="https://store"}': "0x90",
        },
        "15m",
        "30m",
        Firing(
            alert="RemoteWriteBehind",
            severity="warning",
            labels={
                "instance": "prometheus-0",
                "job": "prometheus",
                "remote_name": "central",
                "url": "https://store",
            },
        ),
    ),
    "a receiver cannot be notified": one_alert(
        {f"{_FAILED_NOTIFICATIONS}{{{label_text(_SLACK)}}}": "0x4 0+1x30"},
        "10m",
        "20m",
        Firing(alert="NotificationsFail", labels=_SLACK),
    ),
}
"""A case for each rule about the cluster."""
