"""Runs the Pulumi engine as a process: starts, interrupts and ends the process, and filters its output."""
