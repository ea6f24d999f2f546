"""The `liftlab` command itself: finds the verb, and turns errors into one line and an exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module

import click

from liftlab import __version__
from liftlab.errors import INTERRUPTED_EXIT_CODE, LiftlabError, unknown
from liftlab.words import printable

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
# Each verb with its file and its line of help, so that `--help` loads none of them.
VERBS = {
    "init": ("project", "Set up a project that works in an empty folder."),
    "run": ("run", "Run a suite against an endpoint, and grade the answers."),
    "load": ("load", "Send the same request many times, in closed or open loop."),
    "merge": ("load", "Join the segments of a load or of a run into one run."),
    "capacity": ("run", "Find how many right answers a second an endpoint can give."),
    "quick": ("run", "Run one case and print its attempts."),
    "sessions": ("run", "Check a session API: whose work is lost, leaks, or fails."),
    "report": ("report", "Run the suite and write the HTML report; with RUN, only write it."),
    "show": ("show", "Print a run in the terminal."),
    "trial": ("show", "Print one trial in full: prompt, replies, code, checks, times."),
    "reproduce": ("show", "Print a failed request for a bug report; repeat or shrink it."),
    "status": ("report", "Print a run's messages for a status update, as Markdown."),
    "readme-update": ("report", "Write a run's numbers into the performance section of a README."),
    "runs": ("runs", "List the runs on disk: success, median, label."),
    "label": ("runs", "Label a run; `runs` shows the label."),
    "delete": ("runs", "Delete runs and their pages; asks first."),
    "doctor": ("runs", "Check a run's folder, and rebuild its tables if needed."),
    "history": ("runs", "Print the history of all runs: trends, shifts, what changed then."),
    "check": ("check", "Judge a run by its targets and the baseline: exit 0, 3 or 7."),
    "compare": ("check", "Compare two runs on the prompts they share; rank more than two."),
    "baseline": ("check", "Pin the run that later runs are compared with, or print it."),
    "claims": ("check", "Check claims about a run against its own numbers."),
    "lint-report": ("check", "Find the claims in a Markdown report, and check them."),
    "health": ("endpoint", "Ask every URL of an endpoint whether it is healthy."),
    "wake": ("endpoint", "Warm an endpoint up, and print how long its cold start took."),
    "serve": ("endpoint", "Serve the embedded model on this machine."),
    "simulate": ("endpoint", "Simulate an endpoint whose true times are known."),
    "import": ("exchange", "Import result files of other tools as runs."),
    "export": ("exchange", "Write a run for other tools."),
    "grade": ("grade", "Grade a file of answers, and write a file of verdicts."),
    "suite": ("project", "List suites, add a case, or find unclear prompts."),
    "config": ("project", "Print every setting and where it came from."),
}


class LazyVerbs(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which a newcomer meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's file."""
        if cmd_name not in VERBS:
            return None
        module = import_module(f"liftlab.cli.{VERBS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; for an unknown one, name the nearest."""
        if args and not args[0].startswith("-") and args[0] not in VERBS:
            raise click.UsageError(unknown("verb", args[0], VERBS), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs with their help, importing none of them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, help_line) for verb, (_, help_line) in VERBS.items()])


@click.group(
    cls=LazyVerbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="liftlab")
def cli() -> None:
    """Measure an endpoint: is it fast, right and affordable, and how sure are we.

    Exit codes: 0 good; 1 our own error; 2 usage; 3 target missed; 4 endpoint; 5 partial;
    6 input; 7 undecided; 130 Ctrl-C (143 SIGTERM, 129 SIGHUP).
    """


def main(args: list[str] | None = None) -> int:
    """Run the command and return its exit code; every error a person can mend is one line."""
    _open_streams()
    args = sys.argv[1:] if args is None else args
    with _signals_as_interrupts() as caught:
        code = _invoke(args or ["--help"])
    return 128 + caught[0] if caught and code == INTERRUPTED_EXIT_CODE else code


def _invoke(args: list[str]) -> int:
    # Looking through all packages for plugins takes pydantic longer than its own import.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        code = cli.main(args=args, prog_name="liftlab", standalone_mode=False, color=_color())
    except click.ClickException as error:  # a usage error's exit code is 2
        say(_one_line(error))
        return error.exit_code
    except LiftlabError as error:
        say(f"liftlab: {error}")
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        say("liftlab: interrupted")
        return INTERRUPTED_EXIT_CODE
    except OSError as error:
        if not isinstance(error, BrokenPipeError) and (error.filename or error.errno not in _FULL):
            raise
        if not isinstance(error, BrokenPipeError):
            say(f"liftlab: standard output cannot be written: {error.strerror}")
        # The reader (a pager, `head`) has seen enough; Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0 if isinstance(error, BrokenPipeError) else LiftlabError.exit_code
    return code if isinstance(code, int) else 0  # click gives --help's exit code back


def _open_streams() -> None:
    """Stand the null device in for a standard stream that is closed.

    Else the next file that is opened would take its place, and be written to.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


@contextmanager
def _signals_as_interrupts() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does; give a list of those that came."""
    caught: list[int] = []

    def interrupt(number: int, frame: object) -> None:
        caught.append(number)
        raise KeyboardInterrupt

    main_thread = threading.current_thread() is threading.main_thread()
    heard = (signal.SIGTERM, signal.SIGHUP) if main_thread else ()
    # What is ignored stays so: `nohup` asks for it.
    before = {
        number: signal.signal(number, interrupt)
        for number in heard
        if signal.getsignal(number) == signal.SIG_DFL
    }
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _one_line(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else "liftlab"
    message = " ".join(error.format_message().split())
    message = message if message.endswith((".", "?", ")")) else f"{message}."
    return f"{path}: {message[:1].lower()}{message[1:]} See: {path} --help"


def _color() -> bool | None:
    """Return whether the environment forbids or forces colours; None: by the terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return True if os.environ.get("FORCE_COLOR") else None


def say(line: str) -> None:
    """Write a line for the person at the terminal: progress and errors, never results."""
    with suppress(OSError):  # the terminal is gone
        click.echo(printable(line), err=True)  # a file's name may be anything
