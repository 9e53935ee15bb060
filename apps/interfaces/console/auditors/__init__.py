"""The auditors' portal: reads the usage log, writes nothing but notes and sign-offs. On a host of its own."""
