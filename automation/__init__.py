"""The command line and the code behind it: preparing the machine, running the engine, operating clusters.

`cli` has the commands. `stacks` runs the program on stacks (preview, up, refresh, destroy), `operations`
works on running clusters, `report` describes what a change does, `comment` posts the description to a pull
request. `engine` runs Pulumi's engine. The modules of this package are what the others share: directories, a
stack's work directory, prerequisites, the lab of a stack, deliveries.
"""
