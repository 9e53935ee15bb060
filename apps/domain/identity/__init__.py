"""The organisation, its people and its application identities, and the keys that sign their tokens."""
