"""The Key Vault API on `<vault>.<suffix>`, as the official Azure SDKs speak it.

Two doors - `door.py` for hot operations, Django for everything - lead to one pipeline, `pipeline.serve`.
"""
