"""Builders of promtool's tests of the alerts of `addons.monitoring`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Json = dict[str, object]
_FIRING = 'ALERTS{alertstate="firing",alertname!="Watchdog"}'
_HEALTHY = {
    'up{job="controller-manager",instance="cp-1"}': "1x1000",
    'up{job="scheduler",instance="cp-1"}': "1x1000",
}
"""Series without which other alerts would fire in each case."""
DAY = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """An alert that fires, with its labels except name and severity."""

    alert: str
    severity: str = "critical"
    labels: Mapping[str, str] = field(default_factory=dict)

    def sample(self) -> Json:
        """Return the sample that promtool expects."""
        labels = {
            "alertname": self.alert,
            "alertstate": "firing",
            "severity": self.severity,
            **self.labels,
        }
        text = ", ".join(f'{name}="{value}"' for name, value in labels.items())
        return {"labels": f"ALERTS{{{text}}}", "value": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Series, one sample a minute, and the alerts that fire at times such as `3m`; all others do not."""

    series: Mapping[str, str]
    expected: Mapping[str, Iterable[Firing]]

    def document(self, name: str) -> Json:
        """Return the case as promtool reads it."""
        series = _HEALTHY | dict(self.series)
        return {
            "name": name,
            "interval": "1m",
            "input_series": [{"series": key, "values": values} for key, values in series.items() if values],
            "promql_expr_test": [
                {
                    "expr": _FIRING,
                    "eval_time": time,
                    "exp_samples": [firing.sample() for firing in firings],
                }
                for time, firings in self.expected.items()
            ],
        }


def one_alert(
    series: Mapping[str, str],
    silent: str,
    firing: str,
    alert: Firing,
    resolved: str = "",
    also: Sequence[Firing] = (),
) -> Case:
    """Return a case in which an alert is silent at a time, then fires with others, then is resolved."""
    expected = {silent: (), firing: (alert, *also), **({resolved: ()} if resolved else {})}
    return Case(series=series, expected=expected)


def target_down(job: str, alert: str, *, instance: str = "cp-1", silent: str, firing: str) -> Case:
    """Return a case in which a target is down from minute 5 to minute 30."""
    labels = {"job": job, "instance": instance}
    series = {f'up{{job="{job}",instance="{instance}"}}': "1x4 0x25 1x30"}
    return one_alert(series, silent, firing, Firing(alert=alert, labels=labels), "35m")


def label_text(labels: Mapping[str, str]) -> str:
    """Return labels as text, without braces."""
    return ",".join(f'{name}="{value}"' for name, value in labels.items())


def promtool_document(rule_files: Iterable[str], cases: Mapping[str, Case]) -> Json:
    """Return the file that `promtool test rules` reads, with `rule_files` beside it."""
    return {
        "rule_files": list(rule_files),
        "evaluation_interval": "1m",
        "tests": [case.document(name) for name, case in cases.items()],
    }
