"""Preflight checks of `up` and `preview`: may the delivered state of all hosts become the requested state?"""
