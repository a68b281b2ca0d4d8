"""The command line: what reaches the library, and what a user sees when something is wrong."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import click
import numpy as np
import pytest

from motion_examples import swinging_motion
from vimoflow import __version__
from vimoflow.cli import doctor, main
from vimoflow.cli.conclusion import conclude
from vimoflow.errors import ConfigError, InputError, OutputError, VimoflowError
from vimoflow.keypoints.estimators import Extraction
from vimoflow.keypoints.own_format import write_keypoints_json
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.pipeline import GenerateOptions
from vimoflow.pipeline.folders import result_folders
from vimoflow.video import VideoWriter


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command with arguments: its exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["vimoflow", *map(str, arguments)])
        code = 0
        try:
            main.main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def calls(monkeypatch):
    """What the command hands to the pipeline, which does not run."""
    seen = []
    monkeypatch.setattr(
        "vimoflow.pipeline.generate",
        lambda inputs, options, _progress: seen.append((inputs, options)) or [],
        raising=False,
    )
    return seen


@pytest.fixture
def video(tmp_path) -> Path:
    path = tmp_path / "walk.mp4"
    path.write_bytes(b"any file will do: the pipeline does not run")
    return path


def one_line(text: str) -> bool:
    return text.startswith("vimoflow: ") and text.count("\n") == 1 and text.endswith("\n")


def test_help_names_every_command(run):
    code, out, err = run("--help")
    assert code == 0 and not err
    for command in ("generate", "keypoints", "data", "train", "doctor"):
        assert f"  {command} " in out


def test_version(run):
    assert run("--version") == (0, f"vimoflow {__version__}\n", "")


def test_a_command_that_is_nearly_right_is_suggested(run):
    code, _, err = run("generat", "walk.mp4")
    assert code == 2 and one_line(err) and "Did you mean 'generate'?" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["generate"],
        ["keypoints", "walk.mp4"],
        ["generate", "walk.mp4", "-o", "out", "--samples", "three"],
        ["generate", "walk.mp4", "-o", "out", "--no-such-option"],
        ["train", "small", "--data", ".", "-o", "out", "--steps", "0"],
    ],
)
def test_usage_errors_exit_with_2(run, arguments):
    code, _, err = run(*arguments)
    assert code == 2 and one_line(err)


def test_generate_has_the_librarys_own_defaults(run, calls, video, tmp_path):
    assert run("generate", video, "-o", tmp_path / "out") == (0, "", "")
    assert calls == [([video], GenerateOptions(output=tmp_path / "out"))]


def test_generate_hands_every_option_on(run, calls, video, tmp_path):
    arguments = """--samples 3 --seed 7 --steps 20 --sampler ddpm --guidance 1.5 --checkpoint big
        --estimator mediapipe --formats BVH,glb --fps 25 --start 1.5 --end 4 --height 1.8
        --root inplace --camera moving"""
    code, _, err = run("generate", video, video, "-o", tmp_path, *arguments.split())
    assert (code, err) == (0, "")
    assert calls == [
        (
            [video, video],
            GenerateOptions(
                output=tmp_path,
                samples=3,
                seed=7,
                steps=20,
                sampler="ddpm",
                guidance=1.5,
                checkpoint="big",
                estimator="mediapipe",
                formats=("bvh", "glb"),
                fps=25.0,
                start_s=1.5,
                end_s=4.0,
                height_m=1.8,
                root="inplace",
                camera="moving",
            ),
        )
    ]


def test_no_preview_leaves_the_other_formats(run, calls, video, tmp_path):
    run("generate", video, "-o", tmp_path, "--no-preview")
    assert calls[0][1].formats == ("npz", "bvh", "glb")


BAD_OPTIONS = [
    ("sampler", "euler"),
    ("estimator", "openpose"),
    ("root", "fixed"),
    ("camera", "shaky"),
    ("formats", "npz,obj"),
    ("formats", ","),
    ("samples", "0"),
    ("seed", "-1"),
    ("steps", "0"),
    ("steps", "1001"),
    ("guidance", "-0.5"),
    ("guidance", "nan"),
    ("fps", "0"),
    ("fps", "inf"),
    ("start", "-1"),
    ("end", "0"),
    ("end", "nan"),
    ("height", "180"),
]


@pytest.mark.parametrize(("option", "value"), BAD_OPTIONS)
def test_senseless_values_are_one_line_that_names_the_option(
    run, calls, video, tmp_path, option, value
):
    code, out, err = run("generate", video, "-o", tmp_path / "out", f"--{option}={value}")
    assert (code, out) == (2, "") and one_line(err) and f"--{option}" in err
    assert not calls and not (tmp_path / "out").exists()


def test_options_are_checked_in_python_too():
    with pytest.raises(ConfigError, match="--steps"):
        GenerateOptions(output=Path("out"), steps=0)
    assert GenerateOptions(output=Path("out")).formats == ("npz", "bvh", "glb", "html", "mp4")


COMMANDS = [
    ("generate", "{input}", "-o", "{output}"),
    ("keypoints", "{input}", "-o", "{output}/keypoints.json"),
    ("data", "prepare", "aistpp", "{input}", "-o", "{output}"),
    ("train", "small", "--data", "{input}", "-o", "{output}"),
]


def filled(command: tuple[str, ...], **paths: Path) -> list[str]:
    return [part.format(**paths) for part in command]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_missing_input_is_one_line(run, command, tmp_path):
    missing = tmp_path / "missing"
    code, out, err = run(*filled(command, input=missing, output=tmp_path / "out"))
    assert (code, out) == (2, "") and one_line(err) and str(missing) in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_output_below_a_file_is_one_line(run, command, video, tmp_path):
    output = video / "out" / "deeper"
    code, out, err = run(*filled(command, input=video, output=output))
    assert (code, out) == (2, "") and one_line(err) and str(output) in err
    assert list(tmp_path.iterdir()) == [video]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to root"
)
def test_output_without_permission_is_one_line(run, calls, video, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    code, _, err = run("generate", video, "-o", locked / "out")
    assert code == 2 and one_line(err) and not calls


def test_keypoints_writes_a_file_in_a_new_folder_and_passes_warnings_on(
    run, monkeypatch, video, tmp_path
):
    points = np.zeros((5, 17, 3))
    points[1:, :, 2] = 0.9
    found = Keypoints2D(points, np.arange(5) / 25, (640, 480), video.name, "test")
    monkeypatch.setattr(
        "vimoflow.keypoints.estimators.extract",
        lambda path, estimator, progress, region: Extraction(
            found, ("the end is damaged",), found.timestamps
        ),
    )
    output = tmp_path / "new" / "walk.json"
    code, out, err = run("keypoints", video, "-o", output)
    assert (code, err) == (0, "keypoints ...\nwalk.mp4: the end is damaged\n")
    assert out == f"{output}: 5 frames, a person in 4 of them\n" and output.stat().st_size > 0


def test_checking_the_output_folder_leaves_nothing_behind(run, monkeypatch, video, tmp_path):
    def fail(inputs, _options, _progress):
        raise InputError(f"{inputs[0]}: not a video")

    monkeypatch.setattr("vimoflow.pipeline.generate", fail, raising=False)
    kept = tmp_path / "kept"
    kept.mkdir()
    for output in (tmp_path / "new" / "deeper", kept):
        code, _, err = run("generate", video, "-o", output)
        assert code == 2 and one_line(err)
    assert sorted(tmp_path.iterdir()) == [kept, video] and list(kept.iterdir()) == []


def test_messages_of_several_lines_become_one(run, monkeypatch, video, tmp_path):
    def fail(inputs, _options, _progress):
        raise VimoflowError("first\n  second")

    monkeypatch.setattr("vimoflow.pipeline.generate", fail, raising=False)
    assert run("generate", video, "-o", tmp_path) == (2, "", "vimoflow: first second\n")


def test_ctrl_c_is_one_line_and_130(run, monkeypatch, video, tmp_path):
    def interrupt(_inputs, _options, _progress):
        raise KeyboardInterrupt

    monkeypatch.setattr("vimoflow.pipeline.generate", interrupt, raising=False)
    assert run("generate", video, "-o", tmp_path) == (130, "", "\nvimoflow: interrupted\n")


def test_programming_errors_keep_their_traceback(run, monkeypatch, video, tmp_path):
    def crash(_inputs, _options, _progress):
        raise RuntimeError("a bug")

    monkeypatch.setattr("vimoflow.pipeline.generate", crash, raising=False)
    with pytest.raises(RuntimeError, match="a bug"):
        run("generate", video, "-o", tmp_path)


def test_doctor_says_what_to_do_and_exits_with_1(run, monkeypatch):
    good = doctor.Finding("device", "CPU, 2 threads")
    bad = doctor.Finding("video encoder", "none", "reinstall av")
    monkeypatch.setattr(doctor, "examine", lambda: (good,))
    code, out, _ = run("doctor")
    assert code == 0 and "ok   device: CPU, 2 threads" in out and "torch 2." in out
    monkeypatch.setattr(doctor, "examine", lambda: (good, bad))
    code, out, _ = run("doctor")
    assert code == 1 and "FAIL video encoder: none\n     -> reinstall av" in out


def test_doctor_finds_a_damaged_checkpoint(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.resources, "files", lambda package: tmp_path)
    assert "none in the package" in doctor._examined("checkpoint", doctor._checkpoint).found
    (tmp_path / "small.safetensors").write_bytes(b"not weights")
    finding = doctor._examined("checkpoint", doctor._checkpoint)
    assert not finding.usable and "small.safetensors is damaged" in finding.found


def test_doctor_survives_whatever_is_broken():
    def check(subject):
        raise OSError("libGL.so.1: cannot open\nshared object file")

    finding = doctor._examined("pose model", check)
    assert finding.found == "OSError: libGL.so.1: cannot open shared object file"
    assert not finding.usable


def test_results_go_beside_the_input_and_never_over_what_is_there(tmp_path):
    folders = [tmp_path / "a.mp4", tmp_path / "takes" / "a.json", tmp_path / "frames"]
    (tmp_path / "frames").mkdir()
    found = result_folders(folders, None)
    assert found == [tmp_path / "a", tmp_path / "takes" / "a", tmp_path / "frames_motion"]
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError, match="--force"):
        result_folders(folders, None)
    assert result_folders(folders, None, force=True) == found
    assert result_folders(folders[:1], tmp_path / "a") == [tmp_path / "a"]
    several = result_folders([*folders, tmp_path / "a.mov"], tmp_path / "out")
    assert [f.name for f in several] == ["a", "a_2", "frames", "a_3"]
    assert result_folders(folders, tmp_path / "out", together=True) == [tmp_path / "out"]


@pytest.mark.parametrize("command", [("generate",), ("edit", "extend")], ids=" ".join)
def test_only_checkpoints_that_fit_are_taken_or_named(run, tmp_path, command):
    keypoints = Keypoints2D(np.ones((9, 17, 3)), np.arange(9) / 30, (640, 480))
    write_keypoints_json(keypoints, tmp_path / "k.json")
    swinging_motion(9).save(tmp_path / "m.npz")
    source = tmp_path / ("k.json" if command == ("generate",) else "m.npz")
    told = {"music": "for music, not for video", "nothing": "ships base, open, small"}
    for name, words in told.items():
        code, _, err = run(*command, source, "-o", tmp_path / "out", "--checkpoint", name)
        assert (
            code == 2 and one_line(err) and words in err and "music," not in err.split("ships")[-1]
        )


def test_warnings_are_told_once_and_counted_and_terms_are_short(capsys):
    conclude(["a cut", "dark", "a cut"], "Non-commercial use only, because of x. Trained on y.")
    assert capsys.readouterr().out.splitlines() == [
        "note: a cut (2 times)", "note: dark",
        "Terms of the weights: Non-commercial use only (in full: run.json)",
    ]  # fmt: skip


def test_a_start_past_the_end_names_the_length(run, tmp_path):
    with VideoWriter(tmp_path / "short.mp4", (64, 64), 30.0) as writer:
        for k in range(9):
            writer.write(np.zeros((64, 64, 3), np.uint8), k / 30)
    code, _, err = run("generate", tmp_path / "short.mp4", "--start", 10)
    assert code == 2 and "no frame lies after 10 s; the video is 0.30 s long" in err
    assert not (tmp_path / "short").exists()


def test_doctor_tells_how_to_add_what_is_missing_here(run, monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda: ())
    monkeypatch.setattr(doctor, "missing_packages", lambda: {"train": ("accelerate",)})
    code, out, _ = run("doctor")
    assert code == 0 and "extra train: accelerate not installed" in out
    assert "pip install '.[train]'" in out or "pip install 'vimoflow[train]'" in out


def test_what_the_library_logs_is_seen(monkeypatch, capsys):
    """As plain lines on stderr; who imports the package decides for themselves."""

    @click.command()
    def command() -> None:
        logging.getLogger("vimoflow.training.trainer").info("step 10")

    monkeypatch.setattr(sys, "argv", ["vimoflow"])
    with pytest.raises(SystemExit) as stopped:
        main.run_app(command, "vimoflow")
    assert stopped.value.code == 0
    assert capsys.readouterr() == ("", "step 10\n")
