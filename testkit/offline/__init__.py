"""Plugins that need no hosts: they check and compare as the plugins in `lab/plugins` do, and change nothing.

With these plugins, tests create a state with any number of hosts within seconds, on any machine.
"""
