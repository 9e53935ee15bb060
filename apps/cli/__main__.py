"""`python -m apps.cli`, or `python -m vaultportal_cli` where it is installed alone."""

from .main import main

main()
