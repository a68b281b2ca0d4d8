"""Beat tests, folds of songs, classifiers, preferences."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from music_examples import swinging, tiny_model
from vimoflow.diffusion.checkpoint import save_checkpoint
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import sixd_to_matrix
from vimoflow.motion.features import encode_features
from vimoflow.music.comparison import (
    ComparisonOptions,
    compare_styles,
    cut_clips,
    score_table,
    unheard_songs,
)
from vimoflow.music.evaluation import (
    HeardMotion,
    beat_test,
    beat_tests,
    heard_motion,
    motion_of,
    song_folds,
    song_groups,
)
from vimoflow.music.options import DanceOptions, StyleOptions, TrainOptions
from vimoflow.music.preference import count_preferences, write_preference_page


def songs(on_beat: bool) -> list[HeardMotion]:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(12):
        beats = np.arange(0.3, 20, rng.uniform(0.4, 0.9))
        moved = beats + rng.normal(0, 0.03, len(beats)) + (0.0 if on_beat else rng.uniform(0, 1))
        found.append(HeardMotion(beats, moved % 20, 20.0))
    return found


def test_motions_on_the_beat_pass_and_others_do_not():
    on, off = beat_test(songs(True), 500), beat_test(songs(False), 500)
    assert on.p_value < 0.01 and on.alignment.value > on.chance + 0.3
    assert off.p_value > 0.05 and abs(off.chance - on.chance) < 0.05
    with pytest.raises(InputError, match="beats"):
        beat_test([HeardMotion(np.zeros(0), np.ones(3), 5.0)])


def test_a_swinging_dance_is_on_its_own_beats():
    heard = heard_motion(swinging("a", 300, period=20, beat_at=0))
    assert beat_test([heard, heard], 200).alignment.value > 0.5


def test_as_drawn_and_on_the_beat_are_told_apart():
    """Beats that no halt is on, though one is near: only the warp brings them together."""
    dances = [swinging("abcd"[k], 300, period=24, beat_at=4) for k in range(4)]
    drawn = [encode_features(sixd_to_matrix(d.sixd), d.contacts, d.root) for d in dances]
    as_drawn, on_beat = beat_tests(drawn, dances)
    assert as_drawn.songs == on_beat.songs == 4
    assert as_drawn.alignment.value < 0.3 < 0.7 < on_beat.alignment.value


def test_folds_that_were_stopped_are_not_judged(tmp_path, monkeypatch):
    from vimoflow.music import comparison

    path = tmp_path / "stopped.safetensors"
    model = tiny_model(dances=())
    record = {**model.checkpoint.provenance, "steps": 3}
    save_checkpoint(dataclasses.replace(model.checkpoint, provenance=record), path)
    monkeypatch.setattr(comparison, "train_music", lambda *_: path)
    g = torch.Generator().manual_seed(0)
    dances = [
        dataclasses.replace(swinging(f"{k}", 90), music=torch.rand(90, 35, generator=g))
        for k in range(2)
    ]
    with pytest.raises(InputError, match="after 3 steps; run it again"):
        unheard_songs(dances, tmp_path, 2, TrainOptions(steps=4), say=lambda _: None)


def test_takes_of_one_song_stay_in_one_fold():
    g = torch.Generator().manual_seed(0)
    dances = []
    for k in range(5):
        song = torch.rand(900, 35, generator=g)
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
    assert [clip.name for clip in clips] == ["a@0", "a@5"]
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
