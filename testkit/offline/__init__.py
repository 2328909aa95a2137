"""The real engine without hosts: plugins that check and diff as those of `lab/plugins` do, and touch nothing.

By them a state can be made anywhere, in seconds, of any number of hosts, with keys that nobody else has.
"""
