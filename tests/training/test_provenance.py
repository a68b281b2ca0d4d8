"""The terms of weights follow from what was trained on, and from what the weights came from."""

from __future__ import annotations

from vimoflow.data.shards import read_shards
from vimoflow.training.provenance import terms_of


def test_terms_name_every_corpus_and_follow_the_strictest(shards):
    closed, open_ = read_shards(shards, "train")
    both = terms_of([closed.entry, open_.entry])
    assert both.startswith("Non-commercial use only")
    assert "closed: CC BY-NC 4.0" in both and "open: CC BY 4.0" in both
    assert "Non-commercial" not in terms_of([open_.entry])


def test_terms_of_earlier_runs_bind(shards):
    _, open_ = read_shards(shards, "train")
    first = {"data": [{"corpus": "old", "licence": "CC BY-NC-SA 4.0"}]}
    second = {"data": [{"corpus": "open", "licence": "CC BY 4.0"}], "started_from": first}
    terms = terms_of([open_.entry], second)
    assert terms.startswith("Non-commercial") and "old: CC BY-NC-SA 4.0" in terms
    assert terms.count("open: CC BY 4.0") == 1
