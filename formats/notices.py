"""Lines by which a command of a resource tells the user about its progress while it runs.

A command writes a notice as one line to standard error. The engine passes the line on as a message about the
resource, and the driver shows it at once.
"""

from __future__ import annotations

PROGRESS = "kubewright: progress: "
"""The start of a line about progress. The time limit of the driver starts again."""
FAILURE = "kubewright: failure: "
"""The start of a line about a failure that may pass, such as a machine that does not boot."""
