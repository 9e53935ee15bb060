"""The Key Vault API on `<vault>.<suffix>`, as the official Azure SDKs speak it.

`routes.py` has all addresses. `fast_path.py` serves them without Django, which answers the rest. Both call one
pipeline, `pipeline.serve`.
"""
