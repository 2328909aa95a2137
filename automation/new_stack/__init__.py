"""Writes stack files for new environments: the command `kubewright new`."""
