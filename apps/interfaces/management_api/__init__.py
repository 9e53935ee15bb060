"""The management API on `portal.<suffix>`: vaults, application identities and role assignments, for people."""
