"""Hashing of passwords in a thread of its own, one after another and at low priority.

A hash takes the better part of a core-second, and everybody may ask for one. One thread bounds the total rate, and its
priority leaves most of the cores to the uses of keys. PBKDF2 comes from OpenSSL and holds no lock of the interpreter.
The queue is as long as the slots of sign-ins are many (apps/interfaces/http_server/front.py).
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from django.contrib.auth.hashers import PBKDF2PasswordHasher

_LOWER_BY = 4  # nice(1): less than half of a core where others want it too; much less, and nobody could sign in then


class QueuedPBKDF2PasswordHasher(PBKDF2PasswordHasher):
    """Django's hasher, with the hashes that it stores."""

    def encode(self, *arguments: Any, **named: Any) -> str:
        """Hash in the queue's thread; verification is a hash with the stored salt."""
        return _thread().submit(super().encode, *arguments, **named).result()


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="hashing", initializer=_lower_priority)


def _lower_priority() -> None:
    thread = threading.get_native_id()  # Linux: the priority of this thread alone
    os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _LOWER_BY)
