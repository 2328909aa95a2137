"""Commands around the program: preparing the machine, running the engine, the local stack.

`driving` runs the program on stacks, `day_two` works on clusters that run; `report` says what a change will
do, `comment` puts that on a pull request. Each has its commands in a module of that name, where it has any.
`engine` is Pulumi's engine as a program. Here is what all of them share: the machine's tools and places,
a stack's work directory, the lab that a stack asks for, what was delivered to hosts.
"""
