"""The components of the pages that are more than an include: tables, form fields, text to copy.

A table names its columns once; each cell takes the next one, with its class and, for narrow screens, its label:

    {% table %}
      {% column "Vault" %}{% column "Keys" "num" %}{% column "Actions" hidden=True %}
      {% rows %}
      {% for vault in vaults %}
        {% row %}
          {% cell %}{{ vault.name }}{% endcell %}{% cell %}{{ vault.keys }}{% endcell %}{% cell %}…{% endcell %}
        {% endrow %}
      {% endfor %}
    {% endtable %}
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django import template
from django.template import Context, Node, NodeList
from django.template.base import FilterExpression, Parser, Token, token_kwargs
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

_TABLE = "table_component"  # its key in the context


@dataclass(frozen=True, slots=True)
class _Column:
    label: str
    css: str
    hidden: bool


@dataclass(slots=True)
class _Table:
    columns: list[_Column] = field(default_factory=list)
    used: int = 0  # columns of the present row that have a cell

    def next_column(self, span: int) -> _Column:
        column = self.columns[self.used]
        self.used += span
        return column


class _TableNode(Node):
    """`css` is the class of the box around it, `label` makes it a region that can be scrolled with the keyboard."""

    def __init__(self, head: NodeList, body: NodeList, options: dict[str, FilterExpression]) -> None:
        self.head, self.body, self.options = head, body, options

    def render(self, context: Context) -> SafeString:
        """The box, the table, its columns and its rows."""
        options = {name: value.resolve(context) for name, value in self.options.items()}
        region = (
            format_html(' tabindex="0" role="region" aria-label="{}"', options["label"]) if "label" in options else ""
        )
        box, css = f"{options.get('box', '')} table-wrap".strip(), f"list {options.get('css', '')}".strip()
        with context.push(**{_TABLE: _Table()}):
            head, body = self.head.render(context), self.body.render(context)
        return format_html(
            '<div class="{}"{}><table class="{}"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
            box,
            region,
            css,
            head,
            body,
        )


@register.tag
def table(parser: Parser, token: Token) -> Node:
    """`{% table [box="card-panel"] [css="matrix"] [label="…"] %}` columns `{% rows %}` rows `{% endtable %}`."""
    options = token_kwargs(token.split_contents()[1:], parser)
    head = parser.parse(("rows",))
    parser.delete_first_token()
    body = parser.parse(("endtable",))
    parser.delete_first_token()
    return _TableNode(head, body, options)


@register.simple_tag(takes_context=True)
def column(context: Context, label: str, css: str = "", *, hidden: bool = False) -> SafeString:
    """A column; `css` is for its head and its cells. A hidden one has no visible name: for buttons and charts."""
    if _TABLE in context:
        context[_TABLE].columns.append(_Column(label, css, hidden))
    name = format_html('<span class="visually-hidden">{}</span>', label) if hidden else label
    return format_html('<th scope="col"{}>{}</th>', _attribute("class", css), name)


@register.simple_block_tag(takes_context=True)
def row(context: Context, content: str, css: str = "") -> SafeString:
    """A row."""
    if _TABLE in context:
        context[_TABLE].used = 0
    return format_html("<tr{}>{}</tr>", _attribute("class", css), content)


@register.simple_block_tag(takes_context=True)
def cell(context: Context, content: str, css: str = "", *, label: str | None = None, span: int = 1) -> SafeString:
    """The next cell of a row. `label` where it is not its column's: in rows that are rendered without their table."""
    if _TABLE in context:
        own = context[_TABLE].next_column(span)
        css = " ".join(dict.fromkeys(f"{own.css} {css}".split()))
        label = ("" if own.hidden else own.label) if label is None else label
    attributes = (("class", css), ("colspan", span if span > 1 else ""), ("data-label", label or ""))
    return format_html(
        "<td{}>{}</td>", format_html_join("", "{}", ((_attribute(*pair),) for pair in attributes)), _trimmed(content)
    )


@register.simple_tag(takes_context=True)
def message_row(context: Context, text: str) -> SafeString:
    """A sentence in place of rows, over all columns."""
    return format_html('<tr><td colspan="{}">{}</td></tr>', len(context[_TABLE].columns), text)


@register.simple_block_tag(name="field")
def form_field(content: str, name: str, label: str, errors: Iterable[Any] = ()) -> SafeString:
    """An input that no Django form renders: its label, the input with the id `name`, and its errors."""
    problems = format_html_join("", '<p class="problem" id="{}_error">{}</p>', ((name, error) for error in errors))
    return format_html(
        '<div class="field{}"><label for="{}">{}</label>{}{}</div>',
        mark_safe(" wrong") if problems else "",
        name,
        label,
        content,
        problems,
    )


@register.simple_tag
def describe_errors(name: str, errors: Iterable[Any]) -> SafeString | str:
    """Attributes of an input in `field` that point to its errors."""
    return format_html('aria-describedby="{}_error" aria-invalid="true"', name) if errors else ""


@register.simple_block_tag(takes_context=True)
def post_form(context: Context, content: str, to: str = "", *args: object, css: str = "") -> SafeString:
    """A form with its CSRF token, posted to the address with that name and arguments, or to the page itself."""
    return format_html(
        '<form method="post"{}{}><input type="hidden" name="csrfmiddlewaretoken" value="{}">{}</form>',
        _attribute("action", reverse(to, args=args) if to else ""),
        _attribute("class", css),
        context.get("csrf_token", ""),
        content,
    )


@register.simple_block_tag
def danger_zone(content: str, title: str, *, element_id: str = "") -> SafeString:
    """The section of a page for what cannot be undone, or stops something: consequences, then the form."""
    return format_html(
        '<section class="card-panel danger-zone"{}><header><h2>{}</h2></header>{}</section>',
        _attribute("id", element_id),
        title,
        content,
    )


@register.simple_block_tag
def blank_slate(content: str, title: str, **options: Any) -> SafeString:
    """In place of a list without rows: a title, a sentence, and what to do. Options: parts/empty.html."""
    return render_to_string("portal/parts/empty.html", {"title": title, "text": _trimmed(content), **options})


@register.simple_tag
def copy_button(target: str, text: str = "Copy", *, css: str = "btn btn-small", label: str = "") -> SafeString:
    """Copies the text of an element (`#id`), or the text that is given."""
    return format_html(
        '<button type="button" class="{}" data-copy="{}" data-done="Copied"{}>{}</button>',
        css,
        target,
        _attribute("aria-label", label),
        text,
    )


@register.simple_tag
def object_link(portal: str, vault: str, kind: str, name: str, *, text: str = "") -> SafeString:
    """A link to an object's page in the portal `secops` or `dev`: `vault/name`, or another text."""
    url = reverse(f"{portal}:object", args=[vault, kind, name])
    return format_html('<a class="row mono" href="{}">{}</a>', url, text or f"{vault}/{name}")


@register.simple_tag
def reload_part(url: str, trigger: str = "", *, after: int = 0, timeout: int = 0) -> SafeString:
    """Attributes of an element that htmx replaces by the answer of `url`: at a trigger, or after some seconds.

    `timeout` in milliseconds.
    """
    limit = format_html(" hx-request='{{\"timeout\": {}}}'", timeout) if timeout else ""
    when = trigger or f"load delay:{after}s, every 15s"
    return format_html('hx-get="{}" hx-trigger="{}" hx-swap="outerHTML"{}', url, when, limit)


def _trimmed(content: str) -> SafeString:
    """What Django rendered, and escaped, between the tags: without the white space around it."""
    return mark_safe(content.strip())  # noqa: S308


def _attribute(name: str, value: object) -> SafeString | str:
    return format_html(' {}="{}"', name, value) if value else ""
