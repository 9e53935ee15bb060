"""One command that starts a whole vault on one machine, proves it, and stops it again.

Everything here works through processes, files and environments: it imports none of the other apps.
"""
