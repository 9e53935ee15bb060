"""Security worlds: rows about hardware and about the keys that only that hardware can open."""
