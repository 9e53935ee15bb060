"""Vaults: the container and tenant boundary, each in one security world, each with a key of its own."""
