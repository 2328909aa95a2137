"""One stand-in for the clouds' plugins, `aws` and `azure-native`: it answers previews and makes nothing.

Which of the two it is, its first argument says: `--package=aws`.
"""
