"""Reports for reviewers: the changes of a stack, the affected hosts and the risks."""
