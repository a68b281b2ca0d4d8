"""Fuzz the file readers: whatever the bytes, a reader returns or raises a VimoflowError.

Half of the inputs are valid files with bytes flipped, cut, repeated or replaced by telling words;
half are written from a grammar that is wrong on purpose now and then. What counts against a reader:
a crash, more than ten seconds, more memory than the limit, and any file that it writes, renames or
removes. Such inputs are kept.

The work is done in pieces, each in a process of its own and with a seed of its own. The counts so
far stand in a file, so that a run that is stopped goes on where it was.

    python -m lab.fuzzing 1000000
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from lab.fuzz_targets import Target, mutate, targets
from vimoflow.errors import VimoflowError
from vimoflow.files import write_text
from vimoflow.formats.usd_process import ARRAYS, MODULE

SLOW_SECONDS = 10  # of its own work
STUCK_SECONDS = 60  # of waiting, on a busy machine
MEMORY = 6 << 30
PIECE = 10_000
OUTCOMES = ("read", "refused", "crashed", "slow", "wrote")
_WRITES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink",
           "subprocess.Popen", "os.system", "shutil.move", "socket.connect")  # fmt: skip


class TooSlow(BaseException):
    """A reader took more than `SLOW_SECONDS`; no reader catches it."""


class Guard:
    """Notes what a reader writes, by the interpreter's audit events, while it is armed."""

    def __init__(self) -> None:
        self.armed, self.events = False, []  # type: bool, list[str]
        sys.addaudithook(self._heard)
        for kind in (signal.SIGALRM, signal.SIGPROF):
            signal.signal(kind, self._alarm)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        opened_to_write = (
            event == "open"
            and isinstance(arguments[1], str)
            and set(arguments[1]) & set("wax+")
            and not isinstance(arguments[0], int)  # of a pipe
        )
        if event == "subprocess.Popen" and MODULE in arguments[1]:
            return  # what reads USD ...
        if isinstance(arguments[0], str) and ARRAYS in arguments[0]:
            return  # ... and what it found
        if event in _WRITES or opened_to_write:
            self.events.append(f"{event} {arguments!r}"[:200])

    def _alarm(self, *_: object) -> None:
        raise TooSlow

    def outcome(self, target: Target, path: Path) -> str:
        """Read one file: one of `OUTCOMES`."""
        self.events.clear()
        signal.setitimer(signal.ITIMER_PROF, SLOW_SECONDS)
        signal.alarm(STUCK_SECONDS)
        self.armed = True
        try:
            target.read(path)
            outcome = "read"
        except VimoflowError as error:
            outcome = "refused" if path.name in str(error) and "\n" not in str(error) else "crashed"
        except TooSlow:
            outcome = "slow"
        except Exception:  # what this program looks for
            traceback.print_exc()
            outcome = "crashed"
        finally:
            self.armed = False
            signal.alarm(0)
            signal.setitimer(signal.ITIMER_PROF, 0)
        return "wrote" if self.events else outcome


def run_piece(number: int, seed: int, count: int, crashes: Path) -> dict[str, int]:
    """Feed one reader so many inputs; what counts against it is kept."""
    target, rng, guard = targets()[number], random.Random(seed), Guard()
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"fuzz{target.suffix}"
        for _ in range(count):
            whole = rng.random() < 0.5
            content = target.write(rng) if whole else mutate(rng.choice(target.seeds), rng)
            path.write_bytes(content)
            outcome = guard.outcome(target, path)
            counts[outcome] += 1
            if outcome not in ("read", "refused"):
                crashes.mkdir(parents=True, exist_ok=True)
                name = f"{target.name.replace(' ', '-')}-{seed}-{counts.total()}{target.suffix}"
                (crashes / name).write_bytes(content)
                print(f"{outcome}: kept as {crashes / name} {guard.events[:3]}", file=sys.stderr)
    return dict(counts)


def _limited_piece(*arguments: Any) -> dict[str, int]:
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    return run_piece(*arguments)


def _in_process(*arguments: Any) -> dict[str, int]:
    """One piece in a new process, which begins at once; one that dies counts as a crash."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["lab.fuzz_targets"])
    with ProcessPoolExecutor(1, context) as pool:
        try:
            return pool.submit(_limited_piece, *arguments).result()
        except BrokenProcessPool:
            print(f"piece {arguments[:2]} died", file=sys.stderr)
            return {"crashed": 1}


def campaign(total: int, state: Path, crashes: Path) -> dict[str, Counter[str]]:
    """Pieces until all readers have had their shares of ``total`` inputs.

    Args:
        total: inputs in all, those of earlier runs included.
        state: file of counts that earlier runs left; written after every piece.
        crashes: folder for inputs that count against a reader.
    """
    found = targets()
    known = json.loads(state.read_text()) if state.exists() else {}
    counts = {one.name: Counter(known.get(one.name, {})) for one in found}
    shares = sum(one.share for one in found)
    todo = [
        (seed, number)
        for number, one in enumerate(found)
        for seed in range(-(-total * one.share // (shares * PIECE)))
    ]
    for seed, number in sorted(todo):
        tally = counts[found[number].name]
        if seed < tally["pieces"]:
            continue
        tally.update(_in_process(number, seed, PIECE, crashes))
        tally["pieces"] += 1
        write_text(state, json.dumps(counts))
    return counts


def main() -> int:
    """Fuzz all readers and print a table of counts; 1 where anything counts against a reader."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("total", type=int, help="inputs in all, earlier runs' included")
    parser.add_argument("--state", type=Path, default=Path("fuzz-counts.json"))
    parser.add_argument("--crashes", type=Path, default=Path("fuzz-crashes"))
    options = parser.parse_args()
    counts = campaign(options.total, options.state, options.crashes)
    print(f"| reader | inputs | {' | '.join(OUTCOMES)} |\n|---|---|{'---|' * len(OUTCOMES)}")
    for name, tally in counts.items():
        cells = [sum(tally[key] for key in OUTCOMES), *(tally[key] for key in OUTCOMES)]
        print(f"| {name} | {' | '.join(map(str, cells))} |")
    return int(any(tally[key] for tally in counts.values() for key in OUTCOMES[2:]))


if __name__ == "__main__":
    sys.exit(main())
