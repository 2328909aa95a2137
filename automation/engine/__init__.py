"""Runs the Pulumi engine as a process: starts it, filters its output, ends it and cleans up after it."""
