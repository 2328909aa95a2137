"""What tests and benchmarks share: hosts, stack files, processes, servers that play forges and mirrors."""
