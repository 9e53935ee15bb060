"""Hashing of passwords in a thread of its own, one after another and at low priority.

A hash takes the better part of a core-second, and everybody may ask for one. One thread bounds the total rate, and its
priority leaves the cores to the uses of keys. PBKDF2 comes from OpenSSL and holds no lock of the interpreter. The queue
is as long as the slots of sign-ins are many (apps/interfaces/http_server/front.py).
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from django.contrib.auth.hashers import PBKDF2PasswordHasher

_PRIORITY = 15  # nice(1)


class QueuedPBKDF2PasswordHasher(PBKDF2PasswordHasher):
    """Django's hasher, with the hashes that it stores."""

    def encode(self, *arguments: Any, **named: Any) -> str:
        """Hash in the queue's thread; verification is a hash with the stored salt."""
        return _thread().submit(super().encode, *arguments, **named).result()


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="hashing", initializer=_lower_priority)


def _lower_priority() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _PRIORITY)  # Linux: of this thread alone
