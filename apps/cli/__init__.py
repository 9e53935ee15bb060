"""The command line: `portal login`, `portal key list`, ... for people and applications. Needs nothing else of us.

It is a package of its own, so that it can be installed alone (apps/cli/pyproject.toml) where it is called
`vaultportal_cli`; that is why its modules import each other relatively.
"""

__version__ = "0.4.0"
