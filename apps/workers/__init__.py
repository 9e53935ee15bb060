"""The worker processes: HSM workers (the only door to `apps.hsm`) and job workers (no HSM)."""
