"""The components of the pages, rendered alone."""

import re

import pytest
from django.template import Context, Template


def render(source, **context):
    text = Template("{% load components %}" + source).render(Context(context))
    return re.sub(r"\s+", " ", text).strip()


TABLE = """{% table %}
  {% column "Vault" %}{% column "Keys" "num" %}{% column "Actions" hidden=True %}
{% rows %}
  {% for name, keys in vaults %}
    {% row %}{% cell "mono" %}{{ name }}{% endcell %}{% cell %}{{ keys }}{% endcell %}{% cell %}…{% endcell %}{% endrow %}
  {% empty %}{% message_row "No vaults." %}{% endfor %}
{% endtable %}"""


def test_each_cell_has_the_class_and_the_label_of_its_column():
    html = render(TABLE, vaults=[("first", 3), ("second", 4)])
    assert '<th scope="col">Vault</th><th scope="col" class="num">Keys</th>' in html
    assert '<th scope="col"><span class="visually-hidden">Actions</span></th>' in html
    for name, keys in (("first", 3), ("second", 4)):
        cells = (
            f'<td class="mono" data-label="Vault">{name}</td><td class="num" data-label="Keys">{keys}</td><td>…</td>'
        )
        assert f"<tr>{cells}</tr>" in html


def test_a_table_without_rows_has_a_sentence_over_all_columns():
    assert '<tr><td colspan="3">No vaults.</td></tr>' in render(TABLE, vaults=[])


def test_a_table_with_a_label_can_be_scrolled_with_the_keyboard():
    html = render('{% table box="card-panel" label="Roles" %}{% column "A" %}{% rows %}{% endtable %}')
    assert html.startswith('<div class="card-panel table-wrap" tabindex="0" role="region" aria-label="Roles">')


def test_a_cell_without_its_table_says_its_label_itself():
    assert render('{% cell "num" label="Number" %}1{% endcell %}') == '<td class="num" data-label="Number">1</td>'


@pytest.mark.parametrize(
    "source",
    [
        "{% table %}{% column evil %}{% rows %}{% row %}{% cell %}{{ evil }}{% endcell %}{% endrow %}{% endtable %}",
        '{% field "q" evil %}{{ evil }}{% endfield %}',
        '{% blank_slate evil verb=evil url="#" %}{{ evil }}{% endblank_slate %}',
        "{% copy_button evil evil label=evil %}",
        "{% reload_part evil evil %}",
        "{% post_form css=evil %}{{ evil }}{% endpost_form %}",
        "{% danger_zone evil %}{{ evil }}{% enddanger_zone %}",
    ],
)
def test_what_a_person_typed_is_escaped(source):
    assert "<script>" not in render(source, evil='"><script>')


def test_what_is_between_the_tags_is_escaped_once():
    assert "a &amp; b" in render("{% cell %}{{ text }}{% endcell %}", text="a & b")
    assert "a &amp; b" in render('{% blank_slate "Empty" %}{{ text }}{% endblank_slate %}', text="a & b")


@pytest.mark.urls("vaultportal.urls.portal_host")
def test_a_posted_form_has_its_token():
    html = render('{% post_form "secops:vault_freeze" name css="stack" %}…{% endpost_form %}', name="a", csrf_token="t")
    token = '<input type="hidden" name="csrfmiddlewaretoken" value="t">'
    assert html == f'<form method="post" action="/secops/vaults/a/freeze" class="stack">{token}…</form>'


def test_a_field_shows_its_errors():
    html = render('{% field "code" "Code" errors=errors %}<input id="code">{% endfield %}', errors=["Wrong."])
    assert html == (
        '<div class="field wrong"><label for="code">Code</label><input id="code">'
        '<p class="problem" id="code_error">Wrong.</p></div>'
    )
