"""What all commands share: `--json`, hidden old names, and sets of options that a dataclass declares once."""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from .output import Format

# Without rich, help is plain text and starting is fast; `portal completion` is a command.
PLAIN: dict[str, Any] = {"rich_markup_mode": None, "add_completion": False}

Json = Annotated[bool, typer.Option("--json", help="JSON for programs instead of text")]
_JSON = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json)


class CommandGroup(typer.Typer):
    """A group whose commands take `--json`; `alias` is the hidden old name of a command.

    A parameter whose type is a dataclass becomes one option or argument for each field.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(help=text, no_args_is_help=True, **PLAIN)

    def command(
        self, name: str | None = None, *, alias: str = "", takes_json: bool = True, **settings: Any
    ) -> Callable[[Any], Any]:
        """Register a function as a command."""

        def register(function: Callable[..., None]) -> Callable[..., None]:
            expanded = _expand(function, takes_json=takes_json)
            typer.Typer.command(self, name, **settings)(expanded)
            if alias:
                typer.Typer.command(self, alias, hidden=True, **settings)(expanded)
            return function

        return register


def _expand(function: Callable[..., None], *, takes_json: bool) -> Callable[..., None]:
    """The function as typer calls it: with `--json`, and each dataclass as its fields."""
    parameters: list[inspect.Parameter] = []
    classes: dict[str, tuple[Any, list[str]]] = {}
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        if dataclasses.is_dataclass(parameter.annotation):
            cls: Any = parameter.annotation
            fields = inspect.signature(cls, eval_str=True).parameters
            classes[name] = (cls, list(fields))
            parameters += fields.values()
        else:
            parameters.append(parameter)
    parameters += [_JSON] if takes_json else []

    @functools.wraps(function)
    def command(**values: Any) -> None:
        if takes_json:
            Format.json = values.pop(_JSON.name)
        for name, (cls, fields) in classes.items():
            values[name] = cls(**{field: values.pop(field) for field in fields})
        function(**values)

    keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    command.__signature__ = inspect.Signature(keyword_only)  # type: ignore[attr-defined]  # where typer looks
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command
