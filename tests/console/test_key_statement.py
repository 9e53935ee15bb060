"""The key page of security operations has a link to the key's statement, which verifies offline."""

import os
from pathlib import Path

from playwright.sync_api import expect

from apps.domain.keys import keyverify
from tests.support.people import PORTAL

_AUTHORITY = Path(os.environ.get("TEST_STATE_DIR", ".")) / "ceremonies" / "europe" / "statement-authority-europe.pem"


def test_a_statement_is_downloaded_from_the_page_of_an_hsm_key(page, keys, name, tmp_path):
    keys.create_ec_key(name, hardware_protected=True)
    keys.create_ec_key(f"{name}-soft")
    address = f"{PORTAL}/secops/vaults/demo-europe/keys/{name}"
    page.goto(f"{address}-soft")
    link = page.get_by_role("link", name="Download key statement")
    expect(link).to_have_count(0)
    page.goto(address)
    with page.expect_download() as download:
        link.click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == f"statement-{name}.json"
    statement, chain, _bundle = keyverify.read(file)
    payload = keyverify.verify(statement, chain, root=keyverify.read_root(str(_AUTHORITY)))
    assert payload["key"]["name"] == name
