"""The command line and its code: prepares the machine, runs the Pulumi engine, operates clusters.

`cli` contains the commands. `stacks` runs the Pulumi program on stacks (preview, up, refresh, destroy).
`operations` works on running clusters. `report` describes the effects of a change, and `comment` posts the
description to a pull request. `engine` starts the Pulumi engine. The modules of this package are shared by
these packages: directories, work directories of stacks, prerequisites, the lab of a stack, deliveries.
"""
