"""The command line and the code behind it: prepares the machine, runs the Pulumi engine, operates clusters.

`cli` contains the commands. `stacks` runs the Pulumi program on stacks (preview, up, refresh, destroy).
`operations` works on running clusters. `report` describes the effects of a change, and `comment` posts that
description to a pull request. `engine` starts the Pulumi engine. All of these packages use the modules
directly in `automation`, for example for directories, work directories of stacks, prerequisites, the lab of a
stack, and deliveries.
"""
