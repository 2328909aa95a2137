"""Preflight checks of `up` and `preview`: reject changes that are unsafe for the hosts in their current
state.
"""
