"""The resource management API on `arm.<suffix>`, as Azure's tools ask for it (docs/decisions/0032)."""
