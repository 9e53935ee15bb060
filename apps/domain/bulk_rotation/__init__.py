"""Rollovers: new versions for many keys of a vault, carried on by the scheduler in small steps."""
