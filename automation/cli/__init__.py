"""The command line: one module per group of commands. Each command parses, calls one function and prints."""
