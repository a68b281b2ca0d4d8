"""Folds of songs, models side by side, preferences."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from lab.music.beat_tests import motion_of, song_groups
from lab.music.comparison import (
    ComparisonOptions,
    compare_styles,
    cut_clips,
    fine_tuned,
    score_table,
    song_folds,
    unheard_songs,
)
from lab.music.preference import count_preferences, write_preference_page
from music_examples import swinging, tiny_model
from vimoflow.diffusion.checkpoint import save_checkpoint
from vimoflow.errors import InputError
from vimoflow.music.dance_options import DanceOptions, StyleOptions
from vimoflow.training.run_options import RunOptions


def test_folds_that_were_stopped_are_not_judged(tmp_path, monkeypatch):
    from lab.music import comparison

    path = tmp_path / "stopped.safetensors"
    model = tiny_model(dances=())
    record = {**model.checkpoint.provenance, "steps": 3}
    save_checkpoint(dataclasses.replace(model.checkpoint, provenance=record), path)
    monkeypatch.setattr(comparison, "train_music", lambda *_, **__: path)
    g = torch.Generator().manual_seed(0)
    dances = [
        dataclasses.replace(swinging(f"{k}", 90), music=torch.rand(90, 37, generator=g))
        for k in range(2)
    ]
    with pytest.raises(InputError, match="after 3 steps; run it again"):
        unheard_songs(dances, tmp_path, 2, RunOptions(steps=4), say=lambda _: None)


def test_takes_of_one_song_stay_in_one_fold():
    g = torch.Generator().manual_seed(0)
    dances = []
    for k in range(5):
        song = torch.rand(900, 37, generator=g)
        for take, shift in enumerate((0, 25)):
            d = swinging(f"{k}-{take}", 800)
            dances.append(dataclasses.replace(d, music=song[shift : shift + 800]))
    groups = song_groups(dances)
    assert len(set(groups)) == 5 and all(groups[2 * k] == groups[2 * k + 1] for k in range(5))
    folds = song_folds(dances, 3)
    assert sorted(name for names in folds for name in names) == sorted(d.name for d in dances)
    for names in folds:
        assert all(f"{name[0]}-{1 - int(name[2])}" in names for name in names)
    with pytest.raises(InputError, match="5 songs"):
        song_folds(dances, 6)


def test_a_comparison_gives_a_row_a_model_and_refuses_a_style_that_is_known():
    style = [swinging(f"s{k}", 330, period=12 + k) for k in range(4)]
    others = [swinging(f"o{k}", 480, period=30 + k) for k in range(2)]
    options = ComparisonOptions(
        clips=(2,), clip_s=5.0, seconds=11.0, songs=2,
        style=StyleOptions(steps=2, batch_frames=120, window=60), sampling=DanceOptions(steps=2),
    )  # fmt: skip
    rows = compare_styles(tiny_model(), style, others, options, lambda _: None)
    assert [row.name.split(",")[0] for row in rows] == ["backbone", "adapter", "fine-tuned"]
    assert all(0 <= row.probability.value <= 1 and np.isfinite(row.fid_k.value) for row in rows)
    assert score_table(rows).count("\n") == 5
    with pytest.raises(InputError, match="trained on s1"):
        compare_styles(tiny_model(dances=("s1",)), style, others, options)


def test_clips_do_not_overlap_and_keep_their_music():
    clips = cut_clips([swinging("a", 330)], 5.0)
    assert [clip.name for clip in clips] == ["a@0.0", "a@5.0"]
    assert all(len(clip) == 150 and clip.music is not None for clip in clips)
    assert len(motion_of(clips[0])) == 150


def test_the_preference_page_hides_whose_dances_are_and_the_key_tells(tmp_path):
    for side in ("ours", "theirs"):
        for song in ("x", "y"):
            (tmp_path / side / song).mkdir(parents=True)
            (tmp_path / side / song / "preview.html").write_text(f"{side} {song}")
    page = write_preference_page(tmp_path / "ours", tmp_path / "theirs", tmp_path / "page")
    text = page.read_text("utf-8")
    assert "ours" not in text and "theirs" not in text and "{{" not in text
    key = json.loads((tmp_path / "page" / "key.json").read_text())
    of_ours = [name for name, of in key["previews"].items() if of["model"] == "A"]
    assert len(of_ours) == 2 and all(name in text for name in of_ours)
    assert all((tmp_path / "page" / n).read_text().startswith("ours") for n in of_ours)
    answers = tmp_path / "answers.json"
    choices = [{"chosen": of_ours[0]}, {"chosen": None}]
    answers.write_text(json.dumps({"choices": choices}))
    wins = count_preferences(tmp_path / "page" / "key.json", [answers])
    assert wins == {"A": 1, "B": 0, "neither": 1}
    with pytest.raises(InputError, match="in both"):
        write_preference_page(tmp_path / "ours", tmp_path / "none", tmp_path / "p2")


def test_fine_tuning_leaves_the_original_alone():
    model = tiny_model()
    before = {k: v.clone() for k, v in model.checkpoint.denoiser.state_dict().items()}
    options = StyleOptions(steps=3, batch_frames=120, window=60)
    tuned = fine_tuned(model, [swinging("a", 80)], options).checkpoint.denoiser.state_dict()
    after = model.checkpoint.denoiser.state_dict()
    assert all(torch.equal(before[k], v) for k, v in after.items())
    assert any(not torch.equal(before[k], v) for k, v in tuned.items())
