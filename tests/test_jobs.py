"""What was typed, which files that means, and what happens when one of them fails."""

import errno
from pathlib import Path

import pytest

from vidcolor.errors import ConfigError, InputError, OutputError
from vidcolor.jobs import Job, Outcome, plan_jobs, run_jobs
from vidcolor.pipeline import RunReport


@pytest.fixture
def files(tmp_path):
    """a.mp4, b.avi, notes.txt, sub/c.png, .hidden/d.mp4; nothing in them."""
    folder = tmp_path / "films"
    for name in ("a.mp4", "b.avi", "notes.txt", "sub/c.png", ".hidden/d.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def plan(inputs, output):
    return [(str(job.source), str(job.target)) for job in plan_jobs([str(given) for given in inputs], output)]


def test_one_file_goes_to_the_name_given_or_into_a_folder(files, tmp_path):
    assert plan([files / "a.mp4"], tmp_path / "x.mkv") == [(f"{files}/a.mp4", f"{tmp_path}/x.mkv")]
    assert plan([files / "a.mp4"], tmp_path) == [(f"{files}/a.mp4", f"{tmp_path}/a.mp4")]


def test_a_folder_keeps_its_tree_and_its_names(files, tmp_path):
    out = tmp_path / "out"
    assert plan([files], out) == [
        (f"{files}/a.mp4", f"{out}/a.mp4"),
        (f"{files}/b.avi", f"{out}/b.mkv"),
        (f"{files}/sub/c.png", f"{out}/sub/c.png"),
    ]


def test_an_output_inside_the_input_is_not_coloured_again(files):
    (files / "out").mkdir()
    (files / "out" / "a.mp4").touch()
    assert all(not Path(source).is_relative_to(files / "out") for source, _ in plan([files], files / "out"))


def test_an_output_inside_the_input_is_known_however_it_is_spelled(files, tmp_path, monkeypatch):
    out = files / "out"
    out.mkdir()
    (out / "a.mp4").touch()
    (tmp_path / "link").symlink_to(out)
    monkeypatch.chdir(tmp_path)
    for given, output in (("films", out), (files, "films/out"), ("films", "films/../films/out"), ("films", "link")):
        assert [Path(source).name for source, _ in plan([given], output)] == ["a.mp4", "b.avi", "c.png"]


def test_an_output_may_hold_the_input(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    films = [("films/a.mp4", "a.mp4"), ("films/b.avi", "b.mkv"), ("films/sub/c.png", "sub/c.png")]
    assert plan(["films"], ".") == plan(["film[s]"], ".") == films
    assert plan(["films/sub"], "films") == [("films/sub/c.png", "films/c.png")]


def test_what_a_glob_or_the_shell_finds_in_the_output_is_not_coloured_again(files):
    for name in ("a.mp4", "deep/a.mp4"):
        (files / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (files / "out" / name).touch()
    films = [files / "a.mp4", files / "b.avi"]
    for given in ([*films, files / "out", files / "sub"], [files / "*"], [files / "**"], [files / "*/*", *films]):
        assert sorted(Path(source).name for source, _ in plan(given, files / "out")) == ["a.mp4", "b.avi", "c.png"]


def test_an_output_that_is_the_input_is_refused(files, tmp_path, monkeypatch):
    monkeypatch.chdir(files)
    for given, output in ((".", "."), (files, "sub/.."), ("../films", files)):
        with pytest.raises(OutputError, match="is the input itself"):
            plan([given], output)
    for given, output in ((["a.mp4", "b.avi"], "."), (["*.*"], files), (["a.mp4"], ".")):
        with pytest.raises(OutputError, match=r"a\.mp4: is an input itself"):
            plan(given, output)
    monkeypatch.chdir(tmp_path)
    (files / "films").mkdir()
    (files / "films" / "a.mp4").touch()
    with pytest.raises(OutputError, match=r"films/a\.mp4: is an input itself"):
        plan(["films"], ".")


def test_globs_and_several_files_go_into_a_folder(files, tmp_path):
    out = tmp_path / "out"
    assert plan([files / "*.mp4", files / "b.avi"], out) == [
        (f"{files}/a.mp4", f"{out}/a.mp4"),
        (f"{files}/b.avi", f"{out}/b.mkv"),
    ]
    (files / "sub" / "e.png").touch()
    assert plan([files / "**" / "*.png"], out) == [
        (f"{files}/sub/c.png", f"{out}/c.png"),
        (f"{files}/sub/e.png", f"{out}/e.png"),
    ]


def test_a_glob_takes_what_is_no_media_only_where_there_is_nothing_else(files, tmp_path):
    out = tmp_path / "out"
    for name in ("list.csv", "x.dat"):
        (files / name).touch()
    assert [source for source, _ in plan([files / "*"], out)] == [source for source, _ in plan([files], out)]
    assert plan([files / "*.dat"], out) == [(f"{files}/x.dat", f"{out}/x.mkv")]


def test_a_glob_goes_into_a_folder_where_it_matches_one_file_too(files, tmp_path):
    assert plan([files / "*.mp4"], tmp_path / "out") == [(f"{files}/a.mp4", f"{tmp_path}/out/a.mp4")]
    assert plan([files / "*.mp4"], tmp_path / "x.mkv") == [(f"{files}/a.mp4", f"{tmp_path}/x.mkv")]


def test_an_output_that_ends_in_a_slash_is_a_folder_to_be_made(files, tmp_path):
    (job,) = plan_jobs([f"{files}/b.avi"], f"{tmp_path}/new/")
    assert job == Job(files / "b.avi", tmp_path / "new" / "b.mkv", makes_folder=True)
    (tmp_path / "x.mp4").touch()
    with pytest.raises(OutputError, match=r"x\.mp4: is a file"):
        plan_jobs([f"{files}/b.avi"], f"{tmp_path}/x.mp4/")


def test_a_file_that_is_found_twice_is_one_job(files, tmp_path, monkeypatch):
    out = tmp_path / "out"
    assert plan([files / "a.mp4", files / "sub" / ".." / "a.mp4"], out) == [(f"{files}/a.mp4", f"{out}/a.mp4")]
    monkeypatch.chdir(tmp_path)
    (files / "notes.txt").unlink()
    assert plan(["films/**"], Path("out")) == plan(["films"], Path("out"))


def test_a_name_with_glob_characters_that_exists_is_a_file(files, tmp_path):
    odd = files / "take[1].mp4"
    odd.touch()
    assert plan([odd], tmp_path / "x.mp4") == [(str(odd), f"{tmp_path}/x.mp4")]


def test_several_inputs_refuse_a_file_as_output(files, tmp_path):
    (tmp_path / "x.mp4").touch()
    with pytest.raises(OutputError, match="need a folder"):
        plan_jobs([str(files)], tmp_path / "x.mp4")


def test_two_inputs_of_one_name_are_refused(files, tmp_path):
    (files / "sub" / "a.mp4").touch()
    with pytest.raises(ConfigError, match=r"would both be written"):
        plan([files / "a.mp4", files / "sub" / "a.mp4"], tmp_path / "out")


def test_all_clashes_of_names_are_told_at_once(tmp_path):
    for name in "abcdefg":
        (tmp_path / f"{name}.avi").touch()
        (tmp_path / f"{name}.wmv").touch()
    with pytest.raises(ConfigError) as caught:
        plan_jobs([str(tmp_path)], tmp_path / "out")
    assert str(caught.value).count("would both be written to") == 5
    assert str(caught.value).endswith("; and 2 more: rename one of each")


def test_a_folder_without_films_is_refused(tmp_path):
    with pytest.raises(InputError, match="no films and no pictures"):
        plan_jobs([str(tmp_path)], tmp_path / "out")


def report(job):
    return RunReport(str(job.source), str(job.target), 1, 1, 0.1, "tiny", "cpu")


def test_one_bad_file_is_reported_and_the_rest_go_on(tmp_path):
    jobs = [Job(Path(name), tmp_path / "new" / name, makes_folder=True) for name in ("a.mp4", "bad.mp4", "c.mp4")]

    def colorize(job):
        if job.source.name == "bad.mp4":
            raise InputError("bad.mp4: is empty")
        return report(job)

    outcomes = list(run_jobs(jobs, colorize))
    assert [outcome.to_dict()["state"] for outcome in outcomes] == ["done", "failed", "done"]
    assert outcomes[1].error == "bad.mp4: is empty"
    assert (tmp_path / "new").is_dir()


def test_a_disk_that_fails_in_the_middle_of_a_file_does_not_stop_the_rest(tmp_path):
    def colorize(job):
        if job.source.name == "bad.mp4":
            raise OSError(errno.EIO, "Input/output error")
        return report(job)

    outcomes = list(run_jobs([Job(Path(name), tmp_path / name) for name in ("bad.mp4", "c.mp4")], colorize))
    assert [outcome.error for outcome in outcomes] == ["bad.mp4: Input/output error", None]


def test_existing_targets_are_skipped_on_request(tmp_path):
    jobs = [Job(Path("a.mp4"), tmp_path / "a.mp4"), Job(Path("b.mp4"), tmp_path / "b.mp4")]
    jobs[0].target.touch()
    outcomes = list(run_jobs(jobs, report, skip_existing=True))
    assert outcomes[0] == Outcome(jobs[0])
    assert outcomes[0].to_dict()["state"] == "skipped"
    assert outcomes[1].report is not None


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path):
    (tmp_path / "file").touch()
    (outcome,) = run_jobs([Job(Path("a.mp4"), tmp_path / "file" / "a.mp4", makes_folder=True)], report)
    assert "cannot be made" in outcome.error
