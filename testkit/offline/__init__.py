"""The real engine without hosts: plugins that check and diff like those of `lab/plugins` and change
nothing.

With them tests create a state with any number of hosts, anywhere, in seconds, with unique keys.
"""
