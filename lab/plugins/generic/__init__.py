"""Stand-in for the plugins `aws` and `azure-native`, which computes previews and creates nothing.

The option `--package=aws` or `--package=azure-native` selects the plugin to replace.
"""
