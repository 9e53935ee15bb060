"""What is in the vaults, over keys, secrets and certificates alike: lists, search, what expires, what was deleted."""
