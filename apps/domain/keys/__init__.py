"""Keys and their versions: made and used in the HSM, described here."""
