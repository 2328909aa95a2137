"""Emulated AWS: instance metadata, S3, EC2 and Auto Scaling, with enforced roles."""
