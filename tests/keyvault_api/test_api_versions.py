"""Which api-versions are served, and as which."""

import pytest

from apps.interfaces.keyvault_api.api_versions import API_VERSIONS, find_version


@pytest.mark.parametrize("version", sorted(API_VERSIONS))
def test_a_known_version_is_itself(version):
    assert find_version(version) == version


@pytest.mark.parametrize(
    ("preview", "known"),
    [
        ("7.6-preview.2", "7.6"),  # the Azure CLI's, for keys
        ("7.5-preview.1", "7.5"),
        ("7.2-preview", "7.2"),
        ("7.0-preview.1", "7.0"),
        ("7.7-preview.1", "7.6"),
        ("2026-01-01-preview", "2026-04-01"),  # azure-keyvault-keys 4.12.0b2
        ("2025-06-01-preview", "2025-07-01"),
        ("2025-08-01-preview", "2025-07-01"),
        ("2015-06-01-preview", "2016-10-01"),
        ("2026-10-01-preview", "2026-04-01"),
    ],
)
def test_a_preview_is_served_as_the_nearest_version(preview, known):
    assert find_version(preview) == known


@pytest.mark.parametrize(
    "text",
    ["", "1.0", "7", "7.7", "8.0-preview.1", "7.-preview.1", "7.6-preview.", "7.6-preview.2x", "7.6-preview.2\n", "7.6-beta.1",
     "2099-01-01", "2026-02-30-preview", "2026-1-1-preview", "2026-01-01-preview.1x", "2026-01-01-previews", "-preview",
     "7.٦-preview.1", "7.6-PREVIEW.1"],
)  # fmt: skip
def test_others_are_unknown(text):
    assert find_version(text) is None
