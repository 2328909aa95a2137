"""Stand-ins for the official Pulumi plugins, for machines that cannot download those, and their
installation.
"""
