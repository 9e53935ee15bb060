"""The auditor worker: long tasks that auditors requested."""
