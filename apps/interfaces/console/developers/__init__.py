"""The portal of developers: their vaults and applications, test vaults of their own, and why something was refused."""
