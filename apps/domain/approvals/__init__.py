"""Four eyes: on guarded vaults some acts wait for a second person."""
