"""Rollovers: new versions for one key or many of a vault, in small steps, and the end of the old versions."""
