"""Bulk rotations: new versions for many keys of a vault, which the scheduler creates in small steps."""
