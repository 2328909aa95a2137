"""Stand-in plugins for machines that cannot download the official Pulumi plugins, and their installation."""
