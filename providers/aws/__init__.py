"""Machines, network and stores on AWS [K], by pulumi-aws. Imported only by stacks that use it."""
