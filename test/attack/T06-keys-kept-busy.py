#!/usr/bin/python3
"""T5, T6 against the sensitive functions, with each provider: a gate that is taken over asks the keeper without end, so
that the keys are there for nobody else; another uses the handles of keys that the others have opened.

Control: a call behind the greedy gate's own, as where all callers share one queue; a caller's own handle."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import shutil, tempfile, time

from attack import Refusals, end, programs
from node import BUILD, Node
from tokens import SoftHsm, Swtpm

QUIET, FLOOD, WAIT = 0.7, 2.5, 15
r = Refusals()
control = True


def seen(report):
    """Word -> numbers, as the gates wrote them."""
    return {l.split()[0]: [int(x) for x in l.split()[1:]] for l in report.read_text().splitlines()} if report.exists() else {}


def wait_for(report, words, seconds=WAIT):
    stop = time.time() + seconds
    while time.time() < stop and not words <= set(seen(report)):
        time.sleep(0.05)
    return seen(report)


def against(kind, init):
    global control
    top = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-greedy-"))
    top.chmod(0o755)
    try:
        with Node(init=init, start=False, options="gate.workers = 3") as n:
            n.build = programs(top / "programs", BUILD, gate=BUILD / "attack-greedy-gate", token=BUILD / "holdfast-token")
            shutil.copy2(BUILD / "holdfast-token", top / "programs/holdfast-token")
            n.spawn()
            report = n.dir / "node/greedy.txt"
            said = wait_for(report, {"open"})
            time.sleep(QUIET)
            (n.dir / "node/flood").touch()
            time.sleep(FLOOD)
            (n.dir / "node/stop").touch()
            said = wait_for(report, {"quiet", "flood", "failed", "queue", "greedy", "handles"})
            died = "worker died: role=keeper" in n.log_text()
        ms = lambda word: said[word][1] / 1000
        print(f"  said     {kind}: a signature takes {ms('quiet'):.1f} ms, {ms('flood'):.1f} ms during the flood (95 %: "
              f"{said['flood'][2] / 1000:.1f}); {said['greedy'][0]} calls by the flood, {ms('queue'):.1f} ms each in its own queue")
        control &= said["queue"][1] > 3 * said["quiet"][1] and said["greedy"][0] > 100 and said["handles"][0] == 1
        r.say(f"{kind}: the other gate is served all the time ({said['flood'][0]} signatures)", said["failed"][0] == 0 and said["flood"][0] >= 5)
        r.say(f"{kind}: and waits for a part of that queue only", said["flood"][1] * 2 < said["queue"][1])
        r.say(f"{kind}: handles that other gates have open, none works", said["handles"][1] == 0)
        r.say(f"{kind}: the keeper lives", not died)
    finally:
        shutil.rmtree(top, ignore_errors=True)


against("software", [])
for make in (SoftHsm, Swtpm):
    with make() as token:
        against(token.kind, token.init_args())
end(control, r.all, "keys kept busy")
