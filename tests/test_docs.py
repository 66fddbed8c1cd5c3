"""The documents say what is so: every command, option, default, exit code, link and example."""

import ast
import re
import shlex
import textwrap
from pathlib import Path

import click
import pytest

import vidcolor
from tests.clips import make_film
from vidcolor import cli
from vidcolor.scores import PictureScores
from vidcolor.tally import SAMPLE_EVERY

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "THIRD_PARTY_NOTICES.md")
COMMANDS = dict(cli.main.commands)


def fenced(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def section(command: str) -> str:
    """What the README says under the heading of a command."""
    found = re.search(rf"^### `vidcolor {command}\b.*?(?=^##)", README, re.MULTILINE | re.DOTALL)
    return found.group() if found else ""


def table(command: str) -> dict[str, str]:
    """Option -> default, as the command's table has them."""
    return dict(re.findall(r"^\| `(--[\w-]+)[^`]*` \| *(.*?) *\|", section(command), re.MULTILINE))


def options(command: str) -> dict[str, click.Option]:
    """Long option -> what click knows of it."""
    known = [parameter for parameter in COMMANDS[command].params if isinstance(parameter, click.Option)]
    return {name: option for option in known for name in option.opts if name.startswith("--")}


def test_every_command_has_its_section_and_no_other_has() -> None:
    assert sorted(re.findall(r"^### `vidcolor (\w+)", README, re.MULTILINE)) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_table_lists_the_options_in_clicks_order(command: str) -> None:
    assert list(table(command)) == list(options(command))


def default_of(option: click.Option) -> str | None:
    """As the table should have it; where click is told to show something else than it takes, that."""
    value = option.show_default if isinstance(option.show_default, str) else option.default
    if option.is_flag or not isinstance(value, (str, int, float, Path)):
        return None
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_defaults_are_those_of_click(command: str) -> None:
    plain = {name: default_of(option) for name, option in options(command).items() if default_of(option)}
    assert {name: table(command)[name] for name in plain} == plain


@pytest.mark.parametrize("command", [command for command in COMMANDS if "--quiet" in options(command)])
def test_what_quiet_leaves_to_be_said_is_told_alike(command: str) -> None:
    (told,) = re.findall(r"^\| `--quiet` \| *\| (.*) \|$", section(command), re.MULTILINE)
    assert f"{told.capitalize()}." == options(command)["--quiet"].help


def test_it_is_told_how_many_frames_the_slow_metrics_see() -> None:
    assert SAMPLE_EVERY == 8 and "the rest of one in eight." in README
    assert "every eighth frame" in (PictureScores.__doc__ or "")


@pytest.mark.parametrize("command", COMMANDS)
def test_everything_has_help(command: str) -> None:
    assert COMMANDS[command].help
    assert [name for name, option in options(command).items() if not option.help] == []


def test_the_exit_codes_are_those_of_the_command_line() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d+) \| [^`]", section("run"), re.MULTILINE)}
    stopped = {cli.HUNG_UP, cli.INTERRUPTED, cli.TERMINATED}
    assert codes == {0, cli.FAILED, click.UsageError.exit_code, cli.DAMAGED, *stopped}


def test_every_command_in_an_example_can_be_typed() -> None:
    text = "\n".join(block for name in DOCUMENTS for block in fenced("sh", (ROOT / name).read_text("utf-8")))
    examples = re.findall(r"^(?:.*&& )?(?:\.venv/bin/)?vidcolor (\w+) (.*)$", text, re.MULTILINE)
    assert examples
    for command, rest in examples:
        used = [word for word in shlex.split(rest, comments=True) if word.startswith("--")]
        assert set(used) <= set(options(command)), f"vidcolor {command} {rest}"


def test_two_commands_do_all_the_set_up() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert [command.split(" && ")[-1].split()[0] for command in commands] == [".venv/bin/vidcolor", ".venv/bin/python"]


def test_ci_runs_the_second_of_them() -> None:
    script = ROOT / ".ci/run"
    pattern = re.findall(r"grep --max-count=1 '(.+)' README\.md", script.read_text("utf-8"))[0]
    assert re.findall(pattern, README, re.MULTILINE) == [fenced("sh", README[README.index("## Test") :])[0].strip()]
    assert script.stat().st_mode & 0o111


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / name).read_text("utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_python_example_uses_public_names() -> None:
    imports = [
        node for block in fenced("python") for node in ast.walk(ast.parse(block)) if isinstance(node, ast.ImportFrom)
    ]
    names = {alias.name for node in imports if node.module == "vidcolor" for alias in node.names}
    assert names
    assert names <= set(vidcolor.__all__)


@pytest.mark.skipif("fusion" not in vidcolor.released_models(), reason="the model is not released yet")
def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_film(Path("film.mp4"), count=12)
    example = next(block for block in fenced("python") if "load_colorizer" in block)
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("12 ")
    assert Path("colour.mp4").is_file()


def test_the_pipeline_in_the_readme_is_the_one_that_runs() -> None:
    shown = next(block for block in fenced("python") if "mark_shots" in block)
    assert textwrap.indent(shown, " " * 8) in (ROOT / "vidcolor/pipeline.py").read_text("utf-8")
