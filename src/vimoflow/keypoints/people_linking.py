"""Tracklets, pieces of people's paths, joined to whole people over a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from vimoflow.conventions import COCO_NAMES
from vimoflow.keypoints.people_looks import look_gap, mean_look
from vimoflow.keypoints.people_sizes import box_height_px, figure_height_px, part_heights_px

_MOST = 1000  # tracklets looked at; the longest
_LASTING_S = 0.4  # shorter tracklets do not show who goes on where
_MISFIT = 2.5  # doubts by which a short tracklet may be off a person's path
_AROUND = 10  # detections before and after it that give the path
_END_S = 0.4  # length at an end of a tracklet from which its speed and pose there are taken
_SIZE_S = 1.0  # and its size there
_COAST_S = 0.6  # a person who is not seen goes on for about this long
_LONGEST_S = 30.0  # an absence after which nobody knows
_COST_OF_NEW = 14.0  # a link that costs more is two people
_PLACE = 0.12  # doubt of a predicted place, heights, that grows ...
_PLACE_PER_S = 0.8  # ... by this a second up to ...
_PLACE_MOST = 2.0  # ... this: a person who left may come back anywhere
_SPEED = 0.7  # doubt of the speed's change, heights/s, that grows ...
_SPEED_PER_S = 2.0  # ... by this a second
_SIZE = 0.08  # doubt of a size's logarithm, that grows ...
_SIZE_PER_S = 0.15  # ... by this a second up to ...
_SIZE_MOST = 0.3
_BUILD = 0.25  # doubt of a body part's length, logarithm
_FEWEST = 10  # frames that must show a part
_POSE = 0.08  # doubt of a pose, heights
_POSE_PER_S = 0.6
_LOOK = 0.06  # doubt of a gap of looks (Hellinger)
_LOOK_MOST = 11.0  # what clothes can cost: with the light they change, too
_PER_S = 0.3  # cost of a second of absence
_TORSO = [i for i, n in enumerate(COCO_NAMES) if n.endswith(("shoulder", "hip"))]


@dataclass(frozen=True)
class _Ends:
    """What is known of tracklets at their beginnings or at their ends.

    Attributes:
        place_px, speed_px: of the torso's middle, and a second.
        height_px: a person's height in the picture, for a scale.
        size_px: what the last second's body parts say of it; NaN where too few are seen.
        pose: keypoints about the torso's middle in heights; NaN where unseen.
    """

    place_px: Float[np.ndarray, "tracklets 2"]
    speed_px: Float[np.ndarray, "tracklets 2"]
    height_px: Float[np.ndarray, " tracklets"]
    size_px: Float[np.ndarray, " tracklets"]
    pose: Float[np.ndarray, "tracklets 17 2"]


def chained(
    times: Float[np.ndarray, " seen"],
    points: Float[np.ndarray, "seen 17 3"],
    tracklet: Int[np.ndarray, " seen"],
    looks: Float[np.ndarray, "seen look"],
) -> Int[np.ndarray, " seen"]:
    """Person's numbers, 0 for who is seen first, from tracklets' numbers.

    Every tracklet is continued by at most one that begins after its end; which, is the best
    assignment of all ends to all beginnings, in place, size, build and pose.

    Args:
        times: seconds of each detection.
        points: pixels and confidence, each with some seen.
        tracklet: number of each detection's tracklet, from 0.
        looks: what each detection wears, NaN where unknown.
    """
    count = int(tracklet.max()) + 1
    rows = _rows(tracklet, times, count)
    most = np.sort(np.argsort([-len(r) for r in rows], kind="stable")[:_MOST])
    lasting = np.array([times[r[-1]] - times[r[0]] >= _LASTING_S for r in rows])
    person = np.arange(count)
    _chain(times, points, looks, rows, most[lasting[most]], person)
    rest = _inserted(times, points, rows, most[~lasting[most]], np.flatnonzero(lasting), person)
    if len(rest):
        # What fits nowhere may still come before or after whole people.
        whole = np.unique(person[np.concatenate([most[lasting[most]], rest])])
        rows = [np.flatnonzero(person[tracklet] == name) for name in range(count)]
        rows = [r[np.argsort(times[r], kind="stable")] for r in rows]
        joined = np.arange(count)
        _chain(times, points, looks, rows, whole, joined)
        person = joined[person]
    _, numbers = np.unique(person[tracklet], return_inverse=True)
    return numbers


def _chain(
    times: Float[np.ndarray, " seen"],
    points: Float[np.ndarray, "seen 17 3"],
    looks: Float[np.ndarray, "seen look"],
    rows: list[Int[np.ndarray, " _"]],
    chosen: Int[np.ndarray, " chosen"],
    person: Int[np.ndarray, " tracklets"],
) -> None:
    """Join the chosen tracklets: each takes the number in ``person`` of the one before it."""
    from scipy.optimize import linear_sum_assignment  # slow to import

    if len(chosen) < 2:
        return
    cost = _costs([times[rows[k]] for k in chosen], [points[rows[k]] for k in chosen])
    worn = np.stack([mean_look(looks[rows[k]]) for k in chosen])
    apart = 0.5 * (look_gap(worn[:, None], worn[None]) / _LOOK) ** 2
    cost += np.minimum(apart, _LOOK_MOST)
    before, after = linear_sum_assignment(np.minimum(cost, _COST_OF_NEW))
    links = [(i, j) for i, j in zip(before, after, strict=True) if cost[i, j] < _COST_OF_NEW]
    for i, j in sorted(links, key=lambda link: float(times[rows[chosen[link[1]]][0]])):
        person[chosen[j]] = person[chosen[i]]


def _inserted(
    times: Float[np.ndarray, " seen"],
    points: Float[np.ndarray, "seen 17 3"],
    rows: list[Int[np.ndarray, " _"]],
    short: Int[np.ndarray, " short"],
    lasting: Int[np.ndarray, " lasting"],
    person: Int[np.ndarray, " tracklets"],
) -> Int[np.ndarray, " rest"]:
    """Give short tracklets to people who are missing then and should be there; the others.

    What is seen for a moment, when people cover each other most of all, is too noisy to say who
    goes on where; but it fits between what is known before and after.
    """
    known = {int(name): [rows[k] for k in lasting if person[k] == name] for name in person[lasting]}
    rest = []
    for k in sorted(short, key=lambda k: -len(rows[k])):
        costs = {
            name: _misfit(times, points, np.sort(np.concatenate(parts)), rows[k])
            for name, parts in known.items()
        }
        best = min(costs, key=lambda name: costs[name], default=-1)
        if best >= 0 and np.isfinite(costs[best]):
            person[k] = best
            known[best].append(rows[k])
        else:
            rest.append(int(k))
    return np.sort(np.array(rest, np.int64))


def _misfit(
    times: Float[np.ndarray, " seen"],
    points: Float[np.ndarray, "seen 17 3"],
    known: Int[np.ndarray, " known"],
    piece: Int[np.ndarray, " piece"],
) -> float:
    """How little a piece fits where somebody must have been then; inf if elsewhere.

    Of two who may have been there, the one of whom that is better known is likelier.
    """
    known = known[np.argsort(times[known], kind="stable")]
    at = np.searchsorted(times[known], times[piece])
    if np.isin(times[piece], times[known]).any() or at[0] != at[-1]:
        return np.inf
    near = known[max(0, at[0] - _AROUND) : at[0] + _AROUND]
    away = np.abs(times[near][None] - times[piece][:, None]).min()
    if away > _COAST_S:
        return np.inf
    path, middle = _middle(points[near]), _middle(points[piece])
    there = np.stack(
        [np.interp(times[piece], times[near], path[:, axis]) for axis in range(2)], axis=-1
    )
    scale = max(float(np.median([box_height_px(points[near])])), 1.0)
    gap = np.linalg.norm(there - middle, axis=-1).mean() / scale
    doubt = _PLACE + _PLACE_PER_S * away
    cost = 0.5 * (gap / doubt) ** 2 + np.log(doubt / _PLACE)
    return float(cost) if gap < _MISFIT * doubt else np.inf


def _rows(
    tracklet: Int[np.ndarray, " seen"], times: Float[np.ndarray, " seen"], count: int
) -> list[Int[np.ndarray, " _"]]:
    """Rows of each tracklet, in time."""
    order = np.lexsort((times, tracklet))
    return np.split(order, np.searchsorted(tracklet[order], np.arange(1, count)))


def _costs(
    times: list[Float[np.ndarray, " _"]], points: list[Float[np.ndarray, "_ 17 3"]]
) -> Float[np.ndarray, "before after"]:
    """Half squared deviations, and what absence costs, of each tracklet following each other."""
    first = _ends([t[0] - t for t in times], points)
    last = _ends([t - t[-1] for t in times], points)
    gap = np.array([t[0] for t in times])[None] - np.array([t[-1] for t in times])[:, None]
    seconds = np.maximum(gap, 1e-3)
    height = np.sqrt(last.height_px[:, None] * first.height_px[None])
    coast = _COAST_S * (1 - np.exp(-seconds / _COAST_S))[..., None]
    # Each end is predicted to the other's time; first's speed is that of time running backward.
    ahead = last.place_px[:, None] + coast * last.speed_px[:, None] - first.place_px[None]
    behind = first.place_px[None] + coast * first.speed_px[None] - last.place_px[:, None]
    away = np.sqrt(0.5 * ((ahead**2).sum(-1) + (behind**2).sum(-1))) / height
    cost = _deviation(away, np.minimum(_PLACE + _PLACE_PER_S * seconds, _PLACE_MOST), _PLACE)
    turned = np.linalg.norm(last.speed_px[:, None] + first.speed_px[None], axis=-1) / height
    cost += 0.5 * (turned / (_SPEED + _SPEED_PER_S * seconds)) ** 2
    size = np.nan_to_num(np.log(last.size_px[:, None] / first.size_px[None]))
    doubt = np.minimum(_SIZE + _SIZE_PER_S * seconds, _SIZE_MOST)
    cost += _deviation(size, doubt, _SIZE)
    build = np.stack([_build(p) for p in points])
    parts = np.nanmean(np.nan_to_num(build[:, None] - build[None], nan=0.0) ** 2, axis=-1)
    cost += 0.5 * parts / _BUILD**2
    bend = _pose_gap(last.pose, first.pose)
    cost += 0.5 * (bend / (_POSE + _POSE_PER_S * seconds)) ** 2
    cost += _PER_S * seconds
    return np.where((gap > 0) & (gap < _LONGEST_S), cost, 1e6)


def _deviation(value: np.ndarray, doubt: np.ndarray, least: float) -> np.ndarray:
    """Half the squared deviation, and the logarithm of how much the doubt has grown."""
    return 0.5 * (value / doubt) ** 2 + np.log(doubt / least)


def _ends(since: list[Float[np.ndarray, " _"]], points: list[Float[np.ndarray, "_ 17 3"]]) -> _Ends:
    """The ends at which ``since`` (seconds, at most 0) is zero."""
    found = [_end(t, p) for t, p in zip(since, points, strict=True)]
    return _Ends(*(np.stack(column) for column in zip(*found, strict=True)))


def _end(
    since: Float[np.ndarray, " rows"], points: Float[np.ndarray, "rows 17 3"]
) -> tuple[np.ndarray, ...]:
    near = since >= -_END_S
    lately = figure_height_px(points[since >= -_SIZE_S])
    known = lately[np.isfinite(lately)]
    size = np.median(known) if len(known) else np.array(np.nan)
    height = size if len(known) else np.maximum(box_height_px(points[near]).max(), 1.0)
    middles = _middle(points[near])
    t = since[near]
    weight = points[near][..., 2].mean(-1)
    weight = weight / weight.sum()
    mean_t, mean = (weight * t).sum(), (weight[:, None] * middles).sum(0)
    # Speed by least squares, drawn towards rest as if it had been seen still for a moment.
    spread = (weight * (t - mean_t) ** 2).sum() + 2e-3 / len(t)
    speed = ((weight * (t - mean_t))[:, None] * (middles - mean)).sum(0) / spread
    place = mean - speed * mean_t
    recent = points[since >= -0.1]
    seen = recent[..., 2:] > 0
    pose = (recent[..., :2] - _middle(recent)[:, None]) / height
    with np.errstate(invalid="ignore", divide="ignore"):
        pose = np.where(seen, pose, 0.0).sum(0) / seen.sum(0)
    return place, speed, np.asarray(height), np.asarray(size), pose


def _middle(points: Float[np.ndarray, "rows 17 3"]) -> Float[np.ndarray, "rows 2"]:
    """Middle of shoulders and hips as far as they are seen, else of all that is."""
    torso = points[:, _TORSO]
    weight = torso[..., 2:]
    everything = points[..., 2:]
    some = weight.sum(1) > 0
    of_torso = (torso[..., :2] * weight).sum(1) / np.where(some, weight.sum(1), 1.0)
    of_all = (points[..., :2] * everything).sum(1) / everything.sum(1)
    return np.where(some, of_torso, of_all)


def _build(points: Float[np.ndarray, "rows 17 3"]) -> Float[np.ndarray, " parts"]:
    """Logarithms of the body parts' lengths by the figure's height; NaN where never seen."""
    relative = part_heights_px(points) / figure_height_px(points)[:, None]
    seen = np.isfinite(relative).sum(0) >= _FEWEST
    build = np.full(relative.shape[1], np.nan)
    build[seen] = np.log(np.maximum(np.nanquantile(relative[:, seen], 0.8, axis=0), 0.05))
    return build


def _pose_gap(
    before: Float[np.ndarray, "before 17 2"], after: Float[np.ndarray, "after 17 2"]
) -> Float[np.ndarray, "before after"]:
    """Mean distance of the keypoints that both poses have, heights; 0 where there is none."""
    gap = np.linalg.norm(before[:, None] - after[None], axis=-1)
    both = np.isfinite(gap)
    return np.where(both, gap, 0.0).sum(-1) / np.maximum(both.sum(-1), 1)
