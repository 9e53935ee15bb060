"""WSGI entries, one for each web process."""
