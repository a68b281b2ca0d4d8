"""Animations as FBX's objects and connections: a stack, its layer, curves with a key a frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from vimoflow.formats.fbx_nodes import Record, Value, properties, record

TICKS = 46_186_158_000  # a second, in FBX's unit of time
_LINEAR = 4


@dataclass
class FbxObjects:
    """Objects and connections of a file in the making."""

    objects: list[Record] = field(default_factory=list)
    connections: list[Record] = field(default_factory=list)

    def add(self, kind: str, number: int, name: str, sort: str, *parts: Value | Record) -> None:
        """An object of a number that no other has."""
        self.objects.append(record(kind, np.int64(number), name, sort, *parts))

    def connect(self, child: int, parent: int, place: str = "") -> None:
        """Hang one object on another, or on its property ``place``."""
        parts: list[Value] = ["OP" if place else "OO", np.int64(child), np.int64(parent)]
        self.connections.append(record("C", *parts, *([place] if place else [])))


@dataclass
class FbxAnimation:
    """An animation that grows curve by curve.

    Attributes:
        into: where its parts go.
        number: that of the stack; all numbers from there on are free.
        ticks: of the frames.
    """

    into: FbxObjects
    number: int
    ticks: Int[np.ndarray, " frames"]

    def begin(self, name: str) -> None:
        """Stack and layer."""
        last = self.ticks[-1]
        span = properties(*(
            (place, "KTime", "Time", "", np.int64(value)) for place, value in (
                ("LocalStart", 0), ("LocalStop", last),
                ("ReferenceStart", 0), ("ReferenceStop", last))))  # fmt: skip
        self._layer = self.number + 1
        self.into.add("AnimationStack", self.number, f"{name}\0\1AnimStack", "", span)
        self.into.add("AnimationLayer", self._layer, "layer\0\1AnimLayer", "")
        self.into.connect(self._layer, self.number)
        self._next = self._layer + 1

    def move(self, model: int, place: str, values: Float[np.ndarray, "frames 3"]) -> None:
        """Curves of a model's property, such as "Lcl Rotation", in degrees or the file's unit."""
        node, self._next = self._next, self._next + 4
        letter = place.removeprefix("Lcl ")[0]
        start = properties(*((f"d|{axis}", "Number", "", "A", float(v))
                             for axis, v in zip("XYZ", values[0], strict=True)))  # fmt: skip
        self.into.add("AnimationCurveNode", node, f"{letter}\0\1AnimCurveNode", "", start)
        self.into.connect(node, self._layer)
        self.into.connect(node, model, place)
        for k, axis in enumerate("XYZ"):
            curve = node + 1 + k
            self.into.add("AnimationCurve", curve, "\0\1AnimCurve", "",
                record("Default", float(values[0, k])), record("KeyVer", 4008),
                record("KeyTime", self.ticks),
                record("KeyValueFloat", values[:, k].astype("<f4")),
                record("KeyAttrFlags", np.array([_LINEAR], "<i4")),
                record("KeyAttrDataFloat", np.zeros(4, "<f4")),
                record("KeyAttrRefCount", np.array([len(self.ticks)], "<i4")))  # fmt: skip
            self.into.connect(curve, node, f"d|{axis}")
