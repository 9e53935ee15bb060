"""Strict wire types: a number is not a text, null is absent (docs/reference/wire-contract.md sections 1 and 6)."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from rest_framework import serializers

from apps.core.clock import to_epoch
from apps.core.errors import BadRequest
from apps.core.strict_json import loads_object

MOST_TAGS, LONGEST_TAG = 15, 256


class BadBody(BadRequest):
    """A property that is missing or not what it must be."""


class StrictBoolean(serializers.Field[bool, Any, bool, Any]):
    default_error_messages = {"invalid": "must be true or false"}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return bool(data)


class StrictString(serializers.Field[str, Any, str, Any]):
    default_error_messages = {"invalid": "must be a text", "long": "may have {longest} characters"}

    def __init__(self, *, longest: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._longest = longest

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if self._longest and len(data) > self._longest:
            self.fail("long", longest=self._longest)
        return str(data)


class StrictInteger(serializers.Field[int, Any, int, Any]):
    default_error_messages = {"invalid": "must be a whole number"}

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return int(data)


class UnixTime(serializers.Field[datetime, Any, int, Any]):
    """Seconds since 1970; negative and beyond 2038 too, for clients send both."""

    default_error_messages = {"invalid": "must be a whole number of seconds since 1970, in a year from 1 to 9999"}

    def to_internal_value(self, data: Any) -> datetime:
        if type(data) is not int:
            self.fail("invalid")
        try:
            return datetime.fromtimestamp(data, UTC)
        except (ValueError, OverflowError, OSError):
            self.fail("invalid")

    def to_representation(self, value: datetime) -> int:
        return to_epoch(value)


class Tags(serializers.Field[dict[str, str], Any, dict[str, str], Any]):
    default_error_messages = {
        "invalid": "must map texts to texts",
        "many": f"may have {MOST_TAGS} entries",
        "long": f"may have names and values of {LONGEST_TAG} characters",
    }

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
            self.fail("invalid")
        if len(data) > MOST_TAGS:
            self.fail("many")
        if any(len(text) > LONGEST_TAG for pair in data.items() for text in pair):
            self.fail("long")
        return dict(data)


class StringList(serializers.Field[list[str], Any, list[str], Any]):
    default_error_messages = {"invalid": "must be a list of texts"}

    def to_internal_value(self, data: Any) -> list[str]:
        if not isinstance(data, list) or not all(isinstance(item, str) for item in data):
            self.fail("invalid")
        return list(data)


class Plain(serializers.Field[Any, Any, Any, Any]):
    """An object or a list whose parts its reader checks: policies, JSON Web Keys."""

    default_error_messages = {"invalid": "must be {what}"}

    def __init__(self, *, kind: type, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._kind = kind

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, self._kind):
            self.fail("invalid", what="an object" if self._kind is dict else "a list")
        return data


class Body(serializers.Serializer[Any]):
    """A request body. Properties that we do not know are ignored, as Azure does; null counts as absent."""

    @classmethod
    def read(cls, data: bytes) -> dict[str, Any]:
        """Parse and validate. Returns the properties that were given. Raises `BadBody` naming the first wrong one."""
        return cls.validate_object(loads_object(data))

    @classmethod
    def validate_object(cls, given: dict[str, Any]) -> dict[str, Any]:
        """The same for a parsed body."""
        try:
            return without_nulls(_validator_of(cls).run_validation(given))
        except serializers.ValidationError as error:
            raise BadBody(_first(error.detail)) from None


@cache
def _validator_of(kind: type[Body]) -> Body:
    """One instance for all requests: making one copies every field. It keeps nothing of what it validates."""
    return kind()


class Attributes(serializers.Serializer[Any]):
    """`attributes` of a request."""

    enabled = StrictBoolean(required=False, allow_null=True)
    nbf = UnixTime(required=False, allow_null=True)
    exp = UnixTime(required=False, allow_null=True)
    exportable = StrictBoolean(required=False, allow_null=True)


_ATTRIBUTES = {"enabled": "enabled", "nbf": "not_before", "exp": "expires"}


def changes_of(body: dict[str, Any], **ours: str) -> dict[str, Any]:
    """The changes of a PATCH by our field names: its attributes, and the properties named as wire="ours"."""
    given = without_nulls(body.get("attributes", {}))
    changes = {_ATTRIBUTES[name]: value for name, value in given.items() if name in _ATTRIBUTES}
    return changes | {name: body[wire] for wire, name in ours.items() if wire in body}


def without_nulls(data: Any) -> dict[str, Any]:
    """Drop the properties that are null."""
    return {name: value for name, value in data.items() if value is not None}


def _first(errors: Any, path: str = "") -> str:
    name, detail = next(iter(errors.items()))
    where = f"{path}{name}"
    if isinstance(detail, dict):
        return _first(detail, f"{where}.")
    reason = str(detail[0]) if isinstance(detail, list) else str(detail)
    return f"The property '{where}' {reason[0].lower()}{reason[1:]}" if reason else f"The property '{where}' is wrong."
