"""Stand-ins for the official Pulumi plugins, for machines that cannot download them, and their installation."""
