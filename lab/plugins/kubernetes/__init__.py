"""Stand-in for the official `kubernetes` plugin, for machines that cannot download plugins.

Run by the engine as `python -m lab.plugins.kubernetes`. It speaks the provider protocol itself rather than
through `pulumi.provider.experimental.server`, which drops what a Kubernetes provider needs: the old inputs
of a diff, the state of an object that was made but did not become ready, and unknown values.
"""
