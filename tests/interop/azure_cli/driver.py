"""Azure CLI, unmodified, in one process for many commands: lists of words on standard input, answers on standard output.

Each line is a list of words in JSON; the answer is [exit code, standard output, standard error]. `null` asks for the
names of all commands below `keyvault`.
"""

import contextlib
import io
import json
import sys

from azure.cli.core import get_default_cli

answers = sys.stdout
errors = io.StringIO()  # one for all commands: the program's log keeps the first that it was given


def run(words):
    out = io.StringIO()
    errors.seek(0)
    errors.truncate()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            code = get_default_cli().invoke(words, out_file=out)  # a new one knows the cloud that was set before
        except SystemExit as end:
            code = end.code
    return [code or 0, out.getvalue(), errors.getvalue()]


def offered():
    cli = get_default_cli()
    cli.invocation = cli.invocation_cls(
        cli_ctx=cli,
        parser_cls=cli.parser_cls,
        commands_loader_cls=cli.commands_loader_cls,
        help_cls=cli.help_cls,
    )
    return sorted(cli.invocation.commands_loader.load_command_table(["keyvault"]))


for line in sys.stdin:
    words = json.loads(line)
    print(json.dumps(offered() if words is None else run(words)), file=answers, flush=True)
