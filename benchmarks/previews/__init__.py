"""How long a preview takes: of bare-metal stacks by their hosts, of cloud stacks by their workers."""
