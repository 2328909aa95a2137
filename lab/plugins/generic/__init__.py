"""Stand-in for the plugins `aws` and `azure-native`, which answers previews and creates nothing.

The first argument of the process selects the package: `--package=aws`.
"""
