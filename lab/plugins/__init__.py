"""Stand-ins for Pulumi's official plugins, for machines that cannot download them; their installation."""
