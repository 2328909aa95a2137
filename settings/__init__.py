"""The stack's configuration, typed and validated once; the only reader of `kubewright:cluster`."""

from settings.cluster import Settings
from settings.loading import load
from settings.problem import Problem, SettingsError

__all__ = ["Problem", "Settings", "SettingsError", "load"]
