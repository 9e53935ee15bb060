"""The auditors' portal: reads the audit log and writes only notes and sign-offs. It has its own host."""
