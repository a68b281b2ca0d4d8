"""The mannequin that ships is the one that the shapes give on today's skeleton."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from lab.mannequin.building import build_body
from vimoflow.formats.body import BodyMesh, load_body


@pytest.mark.parametrize("coarse", [False, True])
def test_the_shipped_mesh_is_the_built_one(coarse: bool) -> None:
    shipped, built = load_body(coarse), build_body(coarse)
    assert shipped.colors is None and built.colors is None
    for field in fields(BodyMesh)[:-1]:
        np.testing.assert_allclose(
            getattr(shipped, field.name), getattr(built, field.name), atol=1e-9, err_msg=field.name
        )
