"""Versions of the API, and the features that a later one added (docs/reference/wire-contract.md section 3)."""

import re
from datetime import date

API_VERSIONS = ("2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01")  # by age
# Feature -> the first version that has it. Source: Azure/azure-rest-api-specs, keyvault/data-plane/Keys, `@added`. What
# a preview added counts from the version that previews of its time are served as.
KEY_ATTESTATION = "7.6"  # 7.6-preview.2
KEY_SIZE = EXTERNAL_KEYS = SECURE_WRAP = "2026-04-01"  # 2026-01-01-preview
_NUMBERED = re.compile(r"7\.(\d{1,2})-preview(?:\.\d{1,3})?\Z", re.ASCII)
_DATED = re.compile(r"(\d{4}-\d\d-\d\d)-preview\Z", re.ASCII)
_MINORS = {int(text.partition(".")[2]): text for text in API_VERSIONS if text.startswith("7.")}
_DATES = {date.fromisoformat(text): text for text in API_VERSIONS if not text.startswith("7.")}


def find_version(text: str) -> str | None:
    """Return the version that requests of this api-version get: of a preview the nearest one. None for others."""
    if text in API_VERSIONS:
        return text
    if numbered := _NUMBERED.match(text):
        minor = int(numbered[1])
        return _MINORS[min(_MINORS, key=lambda known: abs(known - minor))]
    if dated := _DATED.match(text):
        try:
            day = date.fromisoformat(dated[1])
        except ValueError:
            return None
        return _DATES[min(_DATES, key=lambda known: abs(known - day))]
    return None


def has_feature(version: str, since: str) -> bool:
    """Tell whether a known version is as new as `since`, the version that added the feature."""
    return API_VERSIONS.index(version) >= API_VERSIONS.index(since)
