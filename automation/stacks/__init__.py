"""Runs of the program on stacks: preview, up, refresh, destroy; one or many, told, judged and planned."""
