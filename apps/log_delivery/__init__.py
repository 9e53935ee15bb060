"""Log destinations and retention of the audit log: settings, rows and progress."""
