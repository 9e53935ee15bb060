"""The hardened boundary: plain Python over PKCS#11, no Django, no broker, no other app.

One `Hsm` object lives in one thread of one process. `api.py` is the whole surface.
"""
