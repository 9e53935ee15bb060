"""The command line: `portal login`, `portal key list`, ... for people and applications.

It is a package of its own that can be installed alone (apps/cli/pyproject.toml), under the name `vaultportal_cli`;
therefore its modules import each other relatively, and nothing else of the project.
"""

__version__ = "0.4.0"
