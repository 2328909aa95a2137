"""Helpers that tests and benchmarks share: emulated hosts, stack files, processes, servers that emulate
forges and mirrors.
"""
