"""Decisions on requests for objects of a vault, for the HSM worker (uses of keys, secrets) and the web process."""
