"""How and when it runs: definitions, partitions, settings, the command line."""
