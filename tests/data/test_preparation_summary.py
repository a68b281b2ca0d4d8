"""The table a user sees after a preparation."""

from __future__ import annotations

from vimoflow.data.manifest import RetargetSummary, ShardEntry
from vimoflow.data.preparation_summary import reasons_by_count, summary_table
from vimoflow.data.quality_gates import GateFinding

TRAIN = ShardEntry(
    "walks-train.safetensors", "walks", "train", "MIT", "us", 1234, 5400, 0.05, "",
    (("a.bvh", "a.bvh: a leg of 0.11 m; the unit is wrong"), ("b.bvh", "b.bvh: cut")),
    RetargetSummary(1234, 0.517, 8.24, 0.0123, 0.05),
    (GateFinding("jumps", 7, ("x: 3 of 9 frames",)),),
)  # fmt: skip
VALIDATION = ShardEntry("v.safetensors", "walks", "validation", "MIT", "us", 5, 10800, 0.1, "")


def test_everything_is_in_the_table() -> None:
    assert summary_table([TRAIN, VALIDATION]).splitlines() == [
        "corpus  split       clips  hours        bone error         end error",
        "walks   train        1234  0.050  0.52° (p95 8.2°)  1.23% (p95 5.0%)",
        "walks   validation      5  0.100                 -                 -",
        "rejected: 2",
        "  1 x a leg of 0.11 m; the unit is wrong (a.bvh)",
        "  1 x cut (b.bvh)",
        "jumps (train, kept): 7, such as x: 3 of 9 frames",
    ]


def test_reasons_are_counted_whatever_their_numbers_and_names() -> None:
    rejected = [
        ("a", "a: cut"),
        ("b", "b: bone 'lfemur' flips over"),
        ("c", "c: a leg of 0.11 m"),
        ("d", "d: bone 'rhumerus' flips over"),
        ("e", "e: a leg of -2 m"),
        ("f", "f: bone 'rfemur' flips over"),
        ("g", "g: an exact copy of a b c"),
        ("h", "h: an exact copy of d"),
    ]
    assert reasons_by_count(rejected) == [
        "3 x bone 'lfemur' flips over (b)",
        "2 x a leg of 0.11 m (c)",
        "2 x an exact copy of a b c (g)",
        "1 x cut (a)",
    ]
