"""Worker processes: one package for each process that holds a secret or a privilege."""
