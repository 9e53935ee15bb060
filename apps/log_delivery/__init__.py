"""The usage log on its way to storage of the vault's owner, and how long it stays here."""
