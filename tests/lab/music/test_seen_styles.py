"""Styles before the judge: what is taught, drawn and named; LoRA beside adapters."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from lab.music.low_rank import LowRank, low_rank_tuned
from lab.music.seen_styles import WAYS, StyleStudy, drawn_without_music, seen_styles
from lab.music.style_judge import StyleJudge
from lab.music.style_lessons import by_style, in_clips, parted, recorded, spread
from music_examples import swinging, tiny_model
from vimoflow.errors import InputError
from vimoflow.music.dance_options import DanceOptions, StyleOptions

QUICK = StyleOptions(steps=2, batch_frames=120, window=60)


def test_takes_are_grouped_by_style_and_every_third_is_held_out():
    styles = by_style([swinging(f"walk_{style}_{k}", 70) for style in "ab" for k in range(6)])
    given, held_out = parted(styles)
    assert {k: len(v) for k, v in given.items()} == {"a": 4, "b": 4}
    assert not {d.name for d in given["a"]} & {d.name for d in held_out["a"]}


def test_long_takes_become_clips_and_a_choice_is_spread_over_them():
    clips = in_clips([swinging("short", 70), swinging("long", 930)])
    assert [len(clip) for clip in clips] == [70, 300, 300, 300]
    assert [len(clip) for clip in spread(clips, 2)] == [70, 300]


def test_every_lesson_has_its_row_and_what_is_remembered_of_old_songs():
    given = {
        "fast": [swinging(f"f{k}", 120, 11 + k) for k in range(3)],
        "slow": [swinging(f"s{k}", 120, 34 + k) for k in range(3)],
    }
    study = StyleStudy(
        samples=2, seconds=5.0, style=QUICK, sampling=DanceOptions(steps=2, guidance=0.0),
        songs=[swinging(f"song{k}", 330, 16 + k) for k in range(4)],
    )  # fmt: skip
    said: list[object] = []
    lessons = recorded(given, ["fast"], list(WAYS), [2])
    rows = seen_styles(tiny_model(), lessons, StyleJudge(given), study, said.append)
    assert [row.way for row in rows] == ["backbone", *WAYS] and said == rows
    assert [row.clips for row in rows] == [0, *[2] * len(WAYS)]
    assert all(0 <= row.named <= 1 and row.old is not None for row in rows)
    assert "to old songs beat alignment" in str(rows[1])
    with pytest.raises(InputError, match="no style 'odd'"):
        seen_styles(tiny_model(), recorded(given, ["odd"], ["adapter"], [2]), StyleJudge(given))


def test_motions_without_music_are_drawn_as_if_none_was_heard():
    study = StyleStudy(samples=2, seconds=2.0, sampling=DanceOptions(steps=2, guidance=0.0))
    model = tiny_model()
    changed = dataclasses.replace(model.scale, mean=(0.3,) * model.channels)
    first, second = (
        drawn_without_music(m, study) for m in (model, dataclasses.replace(model, scale=changed))
    )
    assert len(first) == 2 and len(first[0]) == 60
    assert torch.equal(first[1].sixd, second[1].sixd)


def test_low_rank_begins_as_the_product_and_leaves_the_original_alone():
    product = torch.nn.Linear(6, 4)
    x = torch.randn(3, 6)
    assert torch.equal(LowRank(product, 2)(x), product(x))
    model = tiny_model()
    before = {k: v.clone() for k, v in model.checkpoint.denoiser.state_dict().items()}
    tuned = low_rank_tuned(model, [swinging("a", 80)], QUICK).checkpoint.denoiser
    after = model.checkpoint.denoiser.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(before[k], v) for k, v in after.items())
    ups = [m.up.weight for m in tuned.modules() if isinstance(m, LowRank)]
    assert ups and any(bool((weight != 0).any()) for weight in ups)
