"""The command line: one module per group of commands. Commands parse their options and call a function."""
