"""Strict JSON for the management API."""

from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from apps.core.errors import BadRequest
from apps.core.strict_json import loads

LARGEST_BODY = 64 * 1024


class StrictJSONParser(BaseParser):
    """`application/json` in UTF-8, no duplicate names, no depth bombs, at most 64 KB."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        del media_type, parser_context
        data = stream.read(LARGEST_BODY + 1)
        if len(data) > LARGEST_BODY:
            raise ParseError("The request body is larger than 64 KB.")
        try:
            return loads(data)
        except BadRequest as error:
            raise ParseError(error.message) from None
