"""Links that work in the repository become links that work on the site."""

from __future__ import annotations

import pytest

from lab.site.hooks import OUTSIDE, ROOT, site_links


@pytest.mark.parametrize(
    ("page", "link", "wanted"),
    [
        ("index.md", "[a](../ARCHITECTURE.md)", "[a](architecture.md)"),
        ("index.md", "[a](people.md#limits)", "[a](people.md#limits)"),
        ("experiments/README.md", "[a](../data.md)", "[a](../data.md)"),
        ("terms.md", "[a](../src/vimoflow/diffusion/weights/small.md)", "[a](model-card.md)"),
        ("model-card-music.md", "[a](small.md)", "[a](model-card.md)"),
        ("model-card.md", "![a](../../../../docs/images/x.png)", "![a](images/x.png)"),
        ("architecture.md", "[a](docs/experiments/README.md)", "[a](experiments/README.md)"),
        ("architecture.md", "see [a](src/vimoflow/errors.py).", "see a."),
        ("index.md", "[a](https://example.org/x)", "[a](https://example.org/x)"),
        ("index.md", "[a](#here)", "[a](#here)"),
    ],
)
def test_links_are_turned(page, link, wanted):
    assert site_links(link, page) == wanted


def test_pages_from_outside_exist():
    assert [source for source in OUTSIDE.values() if not (ROOT / source).is_file()] == []
