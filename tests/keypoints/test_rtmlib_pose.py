"""The real loading code on tiny ONNX models with the inputs and outputs of the real ones."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from vimoflow.errors import ConfigError
from vimoflow.keypoints import rtmlib_pose
from vimoflow.keypoints.estimators import find_estimator, find_people_estimator
from vimoflow.keypoints.rtmlib_pose import DETECTOR, RTMO, RTMPOSE, RTMEstimator, weights_file
from vimoflow.video import VideoFrame

onnx = pytest.importorskip("onnx")
pytest.importorskip("rtmlib")


@pytest.fixture(autouse=True)
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of weights, and no network."""
    folder = tmp_path / "weights"
    monkeypatch.setenv(rtmlib_pose.FOLDER_VARIABLE, str(folder))

    def unreachable(*_: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(rtmlib_pose, "_fetch", unreachable)
    return folder


def save(folder: Path, name: str, nodes, constants, outputs, size) -> Path:
    """An ONNX model of a picture (1, 3, height, width)."""
    h = onnx.helper
    FLOAT = onnx.TensorProto.FLOAT
    graph = h.make_graph(
        nodes,
        "tiny",
        [h.make_tensor_value_info("input", FLOAT, [1, 3, size[1], size[0]])],
        [h.make_tensor_value_info(n, FLOAT, shape) for n, shape in outputs],
        [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.onnx"
    onnx.save(model, str(path))
    return path


def save_rtmpose(folder: Path) -> Path:
    """SimCC: every row's, and every column's, greatest brightness, at half pixels, 17 times."""
    width, height = RTMPOSE.input_size
    node = onnx.helper.make_node
    nodes, constants, outputs = [], {}, []
    for axis, length, over in (("x", width, [1, 2]), ("y", height, [1, 3])):
        constants[f"rows_{axis}"] = np.array([1, 1, length, 1])
        constants[f"often_{axis}"] = np.array([1, 17, length, 2])
        constants[f"flat_{axis}"] = np.array([1, 17, 2 * length])
        constants[f"scale_{axis}"] = np.array(0.4, np.float32)
        nodes += [
            node("ReduceMax", ["input"], [f"max_{axis}"], axes=over, keepdims=0),
            node("Reshape", [f"max_{axis}", f"rows_{axis}"], [f"one_{axis}"]),
            node("Expand", [f"one_{axis}", f"often_{axis}"], [f"all_{axis}"]),
            node("Reshape", [f"all_{axis}", f"flat_{axis}"], [f"long_{axis}"]),
            node("Mul", [f"long_{axis}", f"scale_{axis}"], [f"simcc_{axis}"]),
        ]
        outputs.append((f"simcc_{axis}", [1, 17, 2 * length]))
    return save(folder, RTMPOSE.name, nodes, constants, outputs, RTMPOSE.input_size)


def save_fixed(folder: Path, weights, **arrays: np.ndarray) -> Path:
    """A model that always says the same; zero times the picture makes it depend on that."""
    node = onnx.helper.make_node
    nodes = [
        node("ReduceMax", ["input"], ["max"], keepdims=0),
        node("Mul", ["max", "zero"], ["nothing"]),
    ]
    nodes += [node("Add", [f"{name}_value", "nothing"], [name]) for name in arrays]
    constants = {"zero": np.array(0, np.float32)}
    constants |= {f"{name}_value": value.astype(np.float32) for name, value in arrays.items()}
    outputs = [(name, value.shape) for name, value in arrays.items()]
    return save(folder, weights.name, nodes, constants, outputs, weights.input_size)


def save_detector(folder: Path, *boxes: tuple[float, ...]) -> Path:
    """YOLOX with its own suppression: left, top, right, bottom, score, in the model's pixels."""
    rows = np.array([*boxes, (0, 0, 9, 9, 0.01)])[None]
    return save_fixed(folder, DETECTOR, dets=rows)


def picture(*bright: tuple[int, int], size: tuple[int, int] = (320, 240)) -> VideoFrame:
    rgb = np.zeros((size[1], size[0], 3), np.uint8)
    for x, y in bright:
        rgb[y - 3 : y + 4, x - 3 : x + 4] = 255
    return VideoFrame(rgb, 0.0, 0)


def test_rtmpose_finds_what_is_in_each_box(weights: Path) -> None:
    save_rtmpose(weights)
    # 640 px of the detector are 320 of the picture.
    save_detector(weights, (80, 80, 200, 320, 0.9), (400, 120, 560, 360, 0.8))
    frame = picture((70, 100), (240, 130))
    (people,) = RTMEstimator("rtmpose").estimate_people([frame])
    assert people.shape == (2, 17, 3)
    np.testing.assert_allclose(people[0, :, :2], np.tile((70, 100), (17, 1)), atol=4.5)
    np.testing.assert_allclose(people[1, :, :2], np.tile((240, 130), (17, 1)), atol=4.5)
    assert (people[..., 2] > 0.5).all() and (people[..., 2] <= 1).all()


def test_rtmpose_without_a_box_finds_nobody(weights: Path) -> None:
    save_rtmpose(weights)
    save_detector(weights)
    estimator = RTMEstimator("rtmpose")
    assert [len(p) for p in estimator.estimate_people([picture((9, 9))] * 2)] == [0, 0]
    (alone,) = estimator.estimate([picture((9, 9))])
    assert alone.shape == (17, 3) and not alone.any()


def rtmo_outputs() -> dict[str, np.ndarray]:
    """A small and a large person, the large one twice, and one the model does not believe in."""
    boxes = [
        (40, 80, 120, 240, 0.9), (300, 80, 500, 440, 0.95), (302, 82, 502, 442, 0.8),
        (0, 0, 99, 99, 0.1),
    ]  # fmt: skip
    points = np.zeros((1, 4, 17, 3))
    for row, (left, top, right, bottom, _) in enumerate(boxes):
        points[0, row, :, 0] = np.linspace(left, right, 17)
        points[0, row, :, 1] = np.linspace(top, bottom, 17)
        points[0, row, :, 2] = 0.7
    return {"dets": np.array(boxes)[None], "keypoints": points}


def test_rtmo_gives_everybody_once_in_pixels_of_the_picture(weights: Path) -> None:
    save_fixed(weights, RTMO, **rtmo_outputs())
    estimator = RTMEstimator("rtmo")
    (people,) = estimator.estimate_people([picture()])
    assert len(people) == 2
    small, large = sorted(people, key=lambda one: np.ptp(one[:, 1]))
    assert small[0] == pytest.approx((20, 40, 0.7)) and small[-1] == pytest.approx((60, 120, 0.7))
    assert large[0] == pytest.approx((150, 40, 0.7))
    (alone,) = estimator.estimate([picture()])
    assert alone == pytest.approx(large)


def test_rtmo_sees_nobody(weights: Path) -> None:
    outputs = rtmo_outputs()
    outputs["dets"][..., 4] = 0.1
    save_fixed(weights, RTMO, **outputs)
    (people,) = RTMEstimator("rtmo").estimate_people([picture()])
    assert people.shape == (0, 17, 3)


def test_a_zip_that_was_put_there_is_unpacked(weights: Path) -> None:
    path = save_fixed(weights, RTMO, **rtmo_outputs())
    with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
        archive.write(path, "20230831/rtmo/end2end.onnx")
    path.unlink()
    assert weights_file(RTMO) == path and path.is_file()
    assert len(next(RTMEstimator("rtmo").estimate_people([picture()]))) == 2


def test_without_weights_the_error_says_which_file_goes_where(weights: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        next(RTMEstimator("rtmo").estimate_people([picture()]))
    message = str(caught.value)
    assert RTMO.url in message and str(weights) in message and "\n" not in message
    assert "no route to host" in message and rtmlib_pose.FOLDER_VARIABLE in message


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x08" * 50])
def test_a_damaged_model_is_named(weights: Path, content: bytes) -> None:
    weights.mkdir()
    (weights / f"{RTMO.name}.onnx").write_bytes(content)
    with pytest.raises(ConfigError, match=RTMO.name):
        next(RTMEstimator("rtmo").estimate_people([picture()]))


def test_a_model_with_other_outputs_is_named(weights: Path) -> None:
    save_fixed(weights, RTMO, only=np.zeros((1, 3)))
    with pytest.raises(ConfigError, match="not the model"):
        next(RTMEstimator("rtmo").estimate_people([picture()]))


def test_both_are_offered_for_one_and_for_several_people() -> None:
    for name in ("rtmpose", "rtmo"):
        assert find_estimator(name)().name == find_people_estimator(name)().name
