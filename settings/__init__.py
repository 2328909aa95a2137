"""The validated settings of a stack. Only this package reads the object `kubewright:cluster`."""

from settings.cluster import Settings
from settings.loading import load
from settings.problem import Problem, SettingsError

__all__ = ["Problem", "Settings", "SettingsError", "load"]
