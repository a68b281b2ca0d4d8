"""A body that follows a reference in simulation, by motors and by trying corrections ahead.

Motors pull every joint towards the reference's pose; the torque that inverse dynamics asks for is
added. A body does not balance by that alone: every tenth of a second, corrections of the targets
(splines with few knots, the present plan among them) are tried on copies of the body, by MuJoCo's
threaded roll-outs, and the best one is followed (Howell et al. 2022, "Predictive Sampling"). What
is still missing, a spring of limited strength gives that holds the pelvis to the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from vimoflow.conventions import MODEL_FPS
from vimoflow.physics.anthropometry import segments
from vimoflow.physics.ground_forces import inverse_dynamics
from vimoflow.physics.humanoid import TIMESTEP_S, Humanoid
from vimoflow.physics.simulator import mujoco
from vimoflow.physics.states import States

FELL_M = 0.3  # from the reference's root
STEPS_PER_FRAME = round(1 / (MODEL_FPS * TIMESTEP_S))
_KNOT = 3 * STEPS_PER_FRAME  # steps between knots of a correction
_AHEAD = 4  # knots that are tried ahead
_PULL, _TURN = (100.0, 20.0), (100.0, 20.0)  # stiffness and damping of the assist, per kg
_SPREADS = {"hip": 0.08, "knee": 0.08, "ankle": 0.12, "spine1": 0.05, "spine2": 0.03}
_OFF_M, _ASSIST_SHARE = 0.05, 0.05  # errors that cost the same: of places, and of help


@dataclass(frozen=True)
class Pass:
    """One run through the reference.

    Attributes:
        succeeded: the root stayed within ``FELL_M`` of the reference to the end.
        qpos: frames at 30 fps, as far as it came.
        assist: what held the pelvis at each frame: force by body weight and moment by body weight
            times stature, added.
        plan: corrections of the motors' targets at the knots, radians.
    """

    succeeded: bool
    qpos: Float[np.ndarray, "frames nq"]
    assist: Float[np.ndarray, " frames"]
    plan: Float[np.ndarray, "knots motors"]


class Follower:
    """A body with an assist, and the reference that it follows, a state a step.

    Args:
        humanoid: the body.
        reference: its states, ``TIMESTEP_S`` apart.
        samples: corrections tried at once, the present plan included; 1 only follows.
        seed: of the corrections.
        threads: that simulate.
    """

    def __init__(
        self, humanoid: Humanoid, reference: States, samples: int, seed: int, threads: int
    ) -> None:
        self.humanoid, self.reference, self.samples = humanoid, reference, samples
        engine = mujoco()
        self.model = engine.MjModel.from_xml_string(_with_assist(humanoid))
        self.rng = np.random.default_rng(seed)
        self.knots = -(-(len(reference.times) - 1) // _KNOT)
        beyond = np.minimum(np.arange((self.knots + _AHEAD) * _KNOT), len(reference.times) - 1)
        self.control = _control(self.model, humanoid, reference)[beyond]  # the last pose is held
        self.places = _places(self.model, reference)[beyond]
        self.copies = [engine.MjData(self.model) for _ in range(threads)]
        parts = [name.partition("_")[2] or name for name in segments() if name != "pelvis"]
        self.spread = np.repeat([_SPREADS.get(part, 0.0) for part in parts], 3)

    def empty_plan(self) -> Float[np.ndarray, "knots motors"]:
        """A plan without corrections."""
        return np.zeros((self.knots + _AHEAD + 1, len(self.spread)))

    def follow(self, limit: float, plan: Float[np.ndarray, "knots motors"]) -> Pass:
        """Run through the reference; the assist gives at most ``limit`` of body weight."""
        engine, model, plan = mujoco(), self.model, plan.copy()
        force = limit * self.humanoid.weight_n
        most = np.repeat([force, 0.2 * force * self.humanoid.skeleton.stature], 3)
        model.actuator_forcerange[-6:] = most[:, None] * [-1, 1]
        data = engine.MjData(model)
        data.qpos[:], data.qvel[:] = self.reference.qpos[0], self.reference.qvel[0]
        state = np.zeros(engine.mj_stateSize(model, engine.mjtState.mjSTATE_FULLPHYSICS))
        engine.mj_getState(model, data, state, engine.mjtState.mjSTATE_FULLPHYSICS)
        states, sensed = [state[None]], [np.zeros((1, model.nsensordata))]
        for knot in range(self.knots):
            if self.samples > 1:
                self._improve(state, knot, plan)
            passed, felt = self._ahead(state, knot, plan[None, knot:], 1)
            states.append(passed[0])
            sensed.append(felt[0])
            state = passed[0, -1]
            off = state[1:4] - self.control[(knot + 1) * _KNOT - 1, -7:-4]
            if not np.linalg.norm(off) < FELL_M:  # NaN counts as fallen
                return self._pass(False, states, sensed, plan)
        return self._pass(True, states, sensed, plan)

    def _pass(self, succeeded: bool, states: Any, sensed: Any, plan: Any) -> Pass:
        every = slice(None, len(self.reference.times), STEPS_PER_FRAME)
        qpos = np.concatenate(states)[every, 1 : 1 + self.model.nq]
        return Pass(succeeded, qpos, self._assist(np.concatenate(sensed))[every], plan)

    def _assist(self, sensed: Float[np.ndarray, "*batch sensors"]) -> Float[np.ndarray, "*batch"]:
        weight, stature = self.humanoid.weight_n, self.humanoid.skeleton.stature
        force = np.linalg.norm(sensed[..., -6:-3], axis=-1) / weight
        return force + np.linalg.norm(sensed[..., -3:], axis=-1) / (weight * stature)

    def _improve(self, state: Any, knot: int, plan: Any) -> None:
        """Put the best of some corrections into the plan."""
        tries = np.repeat(plan[None, knot : knot + _AHEAD + 1], self.samples, axis=0)
        noise = self.rng.normal(size=tries[1:].shape) * self.spread
        scale = self.rng.choice([0.25, 1.0], size=(self.samples - 1, 1, 1))
        tries[1:] += noise * scale
        tries[-1] = 0.0  # none at all: chance must not pile up where none is needed
        _, sensed = self._ahead(state, knot, tries, _AHEAD)
        steps = sensed.shape[1]
        target = self.places[knot * _KNOT : knot * _KNOT + steps]
        off = ((sensed[..., :-6] - target) ** 2).sum(-1) / (target.shape[-1] / 3)
        cost = (off / _OFF_M**2 + (self._assist(sensed) / _ASSIST_SHARE) ** 2).mean(1)
        cost += 2 * (tries**2).sum(-1).mean(1)
        plan[knot : knot + _AHEAD + 1] = tries[np.nanargmin(np.where(cost < 1e9, cost, 1e9))]

    def _ahead(
        self, state: Any, knot: int, plans: Float[np.ndarray, "batch knots motors"], knots: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """States and sensors along some plans, from a knot on."""
        engine = mujoco()
        first = knot * _KNOT
        base = self.control[first : first + knots * _KNOT]
        at = np.arange(len(base)) / _KNOT
        left, share = at.astype(int), (at % 1)[None, :, None]
        control = np.repeat(base[None], len(plans), axis=0)
        correction = (1 - share) * plans[:, left] + share * plans[:, left + 1]
        control[..., : len(self.spread)] += correction
        kinds = engine.mjtState
        spec = kinds.mjSTATE_CTRL | kinds.mjSTATE_MOCAP_POS | kinds.mjSTATE_MOCAP_QUAT
        with engine.rollout.Rollout(nthread=len(self.copies) if len(plans) > 1 else 0) as rollout:
            found: tuple[np.ndarray, np.ndarray] = rollout.rollout(
                self.model, self.copies if len(plans) > 1 else self.copies[:1],
                np.repeat(state[None], len(plans), axis=0), control, control_spec=int(spec),
            )  # fmt: skip
        return found


def _with_assist(humanoid: Humanoid) -> str:
    """The body's MJCF with a guide that the pelvis is held to, and sensors of all places."""
    mass, turns = humanoid.mass_kg, humanoid.mass_kg * humanoid.skeleton.stature**2 / 10
    root = '<freejoint name="root" />'
    guide = '<body name="guide" mocap="true"><site name="guide"/></body>'
    springs = "".join(
        f'<position name="assist{at}" site="held" refsite="guide" kp="{k}" kv="{d}" '
        f'gear="{" ".join("1" if i == at else "0" for i in range(6))}" forcerange="-1 1"/>'
        for at in range(6)
        for k, d in [
            (mass * _PULL[0], mass * _PULL[1]) if at < 3 else (turns * _TURN[0], turns * _TURN[1])
        ]
    )
    sensors = "".join(f'<framepos objtype="xbody" objname="{name}"/>' for name in segments())
    sensors += "".join(f'<actuatorfrc actuator="assist{at}"/>' for at in range(6))
    return (
        humanoid.xml.replace(root, f'{root}<site name="held"/>')
        .replace("</worldbody>", f"{guide}</worldbody>")
        .replace("</actuator>", f"{springs}</actuator><sensor>{sensors}</sensor>")
    )  # fmt: skip


def _control(model: Any, humanoid: Humanoid, reference: States) -> Float[np.ndarray, "steps n"]:
    """Targets of motors and assist, then the guide's place and turn, without corrections."""
    frames = len(reference.times)
    kp, kv = model.actuator_gainprm[:, 0], -model.actuator_biasprm[:, 2]
    lead = kv / kp  # a target so many seconds ahead: damping does not hold the motion back
    quaternions = reference.qpos[:, 7:].reshape(-1, 4)[:, [1, 2, 3, 0]]
    aim = Rotation.from_quat(quaternions).as_rotvec().reshape(frames, -1)
    aim += reference.qvel[:, 6:] * lead[:-6]
    aim += (
        np.clip(inverse_dynamics(humanoid, reference).torques, *model.actuator_forcerange[:-6].T)
        / kp[:-6]
    )
    guide = Rotation.from_quat(reference.qpos[:, [4, 5, 6, 3]])
    pull = np.concatenate(
        (guide.inv().apply(reference.qvel[:, :3]), reference.qvel[:, 3:6]), axis=1
    )
    return np.concatenate((aim, pull * lead[-6:], reference.qpos[:, :7]), axis=1)


def _places(model: Any, reference: States) -> Float[np.ndarray, "steps places"]:
    """Where the reference's joints are, as the sensors tell them."""
    engine = mujoco()
    data, count = engine.MjData(model), len(segments())
    found = []
    for qpos in reference.qpos:
        data.qpos[:] = qpos
        engine.mj_kinematics(model, data)
        found.append(data.xpos[1 : count + 1].ravel().copy())
    return np.array(found)
