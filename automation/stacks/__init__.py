"""Runs the Pulumi program on stacks: preview, up, refresh, destroy, with policies, plans, events and
display.
"""
