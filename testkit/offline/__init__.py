"""Engine plugins that work without hosts: they check and compare like the plugins in `lab/plugins` and
change nothing.

With these plugins, tests create a state with any number of hosts within seconds, on any machine.
"""
