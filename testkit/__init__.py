"""Helpers that tests and benchmarks share: hosts, stack files, processes, servers that emulate forges and
mirrors.
"""
