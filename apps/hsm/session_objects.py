"""Session objects: unwrapped with one of our templates, and destroyed in the HSM when they have served."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pkcs11 import Attribute, Mechanism

from apps.hsm.templates import NO_CAPABILITIES, Template


@contextmanager
def destroyed_after(key: Any) -> Iterator[Any]:
    """Give the object to the block, and destroy it afterwards."""
    try:
        yield key
    finally:
        key.destroy()


def unwrap(wrapper: Any, blob: bytes, template: Template, *, mechanism: Mechanism, parameter: Any = None) -> Any:
    """Unwrap into a session object that has the class, the type and the protection of the template."""
    return wrapper.unwrap_key(
        template[Attribute.CLASS],
        template[Attribute.KEY_TYPE],
        blob,
        mechanism=mechanism,
        mechanism_param=parameter,
        capabilities=NO_CAPABILITIES,
        template=template,
    )
