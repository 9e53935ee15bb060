"""The Key Vault API on `<vault>.<suffix>`, as the official Azure SDKs speak it.

`fast_path.py` for frequent operations, Django for everything else. Both call one pipeline, `pipeline.serve`.
"""
