"""Stand-in for the plugins `aws` and `azure-native`: it answers previews and creates nothing.

The first argument of the process selects the package: `--package=aws`.
"""
