"""The command line: one module per group of commands.

A command only parses its options and calls a function of another package.
"""
