"""The CLI commands that do the same as a form or a page (docs/command-line.md).

A form declares its command once, as `cli`. Only this module renders commands: with the page, and again while the
person types (`console/as_command.py`).
"""

import shlex
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from django import forms
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

MOST_LINES = 10  # for the rows of a table; the other rows have the same commands
Values = Mapping[str, str]
# The option of a field's value, or a function of this value and all others for what is not one option.
Option = str | Callable[[str, Values], Iterable[str]]


def command(path: str, *arguments: object, **options: object) -> str:
    """A command line. An option without a value is left out; True stands for an option that takes none."""
    words: list[str] = []
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        words += [option] if value is True else [option, str(value)] if value else []
    return _line(path, [str(argument) for argument in arguments], words)


def commands(path: str, acts: Iterable[str], *arguments: object, **options: object) -> str:
    """A line for each act on the same thing."""
    return "\n".join(command(f"{path} {act}", *arguments, **options) for act in acts)


def _line(path: str, arguments: Sequence[str], options: Sequence[str]) -> str:
    """Arguments that look like options follow all options, after `--`; a dash alone is standard input."""
    if any(text.startswith("-") and text != "-" for text in arguments):
        return shlex.join(["portal", *path.split(), *options, "--", *arguments])
    return shlex.join(["portal", *path.split(), *arguments, *options])


@dataclass(frozen=True, slots=True)
class CliCommand:
    """`arguments` and the keys of `options` name fields of the form or values of `context`.

    `secrets`: fields whose values are neither shown nor sent; functions see the names of those filled in, as `entered`.
    """

    path: str
    arguments: tuple[str | Callable[[Values], str], ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    context: Values = field(default_factory=dict)

    def of(self, /, **context: str) -> Self:
        """The same command with what the page knows and the form has no field for."""
        return replace(self, context=context)

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the values that the command depends on."""
        names = [argument for argument in self.arguments if isinstance(argument, str)]
        return tuple(dict.fromkeys((*names, *self.options)))

    def line(self, given: Values) -> str:
        """The command with these values; an argument without one is its name in capitals."""
        values = defaultdict(str, {**given, **self.context})
        words: list[str] = []
        for name, option in self.options.items():
            if callable(option):
                words += option(values[name], values)
            elif values[name]:
                words += [option, values[name]]
        arguments = [
            argument(values) if callable(argument) else values[argument] or argument.upper()
            for argument in self.arguments
        ]
        return _line(self.path, arguments, words)

    def line_of(self, form: forms.Form) -> str:
        """The command with the values that the form shows."""
        values = {name: _text(form[name]) for name in self.fields if name in form.fields}
        entered = [name for name in self.secrets if name in form.fields and form[name].value()]
        return self.line({**values, "entered": " ".join(entered)})


class CommandForm(forms.Form):
    """A form that shows its command."""

    cli: ClassVar[CliCommand]
    commands: ClassVar[dict[str, CliCommand]] = {}  # by the name of the form's class

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.commands.setdefault(cls.__name__, cls.cli) is not cls.cli:
            raise ImproperlyConfigured(f"two forms are called {cls.__name__}")


def flag(option: str, *, off: str = "") -> Option:
    """An option without a value, for a tick."""
    return lambda value, _values: [option] if value else [off] if off else []


def value_or(option: str, empty: str) -> Option:
    """An option that is always there."""
    return lambda value, _values: [option, value or empty]


def utc(option: str) -> Option:
    """A time that the form has in the person's zone; the command line has UTC."""

    def words(value: str, _values: Values) -> list[str]:
        try:
            moment = timezone.make_aware(datetime.fromisoformat(value))
        except ValueError:
            return []
        return [option, f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"]

    return words


def software(value: str, _values: Values) -> list[str]:
    """A key's protection: that of an HSM needs no option."""
    return ["--software"] if value == "software" else []


def _text(bound: forms.BoundField) -> str:
    """A value as a browser sends it."""
    value = bound.value()
    if not value and isinstance(bound.field, forms.ChoiceField):
        value = _first(bound.field.choices)  # what a browser shows as chosen
    if isinstance(value, datetime):
        local = timezone.localtime(value) if timezone.is_aware(value) else value
        return f"{local:%Y-%m-%dT%H:%M}"
    return "" if value is None or value is False else "on" if value is True else str(value)


def _first(choices: Any) -> Any:
    """The first of choices, which may be grouped."""
    value, label = next(iter(choices), ("", ""))
    return _first(label) if isinstance(label, (list, tuple)) else value


def revoke(vault: str, row: Mapping[str, Any]) -> str:
    """Revokes a role of an application or of a group."""
    if row.get("everywhere"):
        return command("application manager", row["application"], remove=True)
    kinds = {kind: row.get(kind) for kind in ("key", "secret", "certificate")}
    who = row["application"] or row["group"]
    return command("access revoke", who, row["role"], vault=vault, **kinds, group=not row["application"])


def application(name: str, credential_ids: Sequence[Any], *, active: bool, may_enable: bool = False) -> str:
    """Replaces a credential without a gap; disables the application, or enables it again."""
    lines = [commands("application", ("secret", "credentials"), name)]
    lines += [command("application remove-credential", name, credential_id) for credential_id in credential_ids]
    switch = "disable" if active else "enable" if may_enable else ""
    return "\n".join([*lines, *([command(f"application {switch}", name)] if switch else [])])


def records(query: Mapping[str, str], *, live: bool) -> str:
    """Reads and exports what the explorer shows; `query`: the words of its address. Times are UTC."""
    if live:
        return command("audit tail", follow=True, **{name: query[name] for name in query if name in _TAILED})
    options = {name: value.removesuffix("Z") if name in _TIMES else value for name, value in query.items()}
    return f"{command('audit search', **options)}\n{command('audit export', **options, output='records.ndjson')}"


_TIMES = frozenset({"from", "to"})
_TAILED = frozenset({"vault", "operation", "caller", "object", "status", "address"})
