"""The scheduler: due rotations, lifetime actions, purges and retention."""
