#!/usr/bin/python3
"""T11, denial of service by work: an enrolled device with many containers asks, again and again, what no
index answers. What does an honest device feel?"""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import threading, time

from attack import Refusals, end
from node import Node

r = Refusals()
CONTAINERS, ASKING, SECONDS = 1500, 6, 3
QUESTION = "/cse-in/ae-Cbad?fu=1&cra=20990101T000000"
# Waited for, and answered later: who asks so is charged when it is done.
WAYS = {"questions that cost much": QUESTION, "the same, to be answered later": QUESTION + "&rt=1"}


def felt(options, question):
    """Median and worst ms of an honest request beside the questions; how many were answered, and refused."""
    with Node(options="store.engine = memory\npeer.requests = 0\n" + options) as n:
        good, bad = n.enrol("good", "Cgood"), n.enrol("bad", "Cbad")
        for e in (good, bad):
            assert e.register().rsc == 2001
        for i in range(CONTAINERS):
            assert bad.create("/cse-in/ae-Cbad", 3, {"m2m:cnt": {"rn": f"c{i}"}}).rsc == 2001
        stop, said = time.monotonic() + SECONDS, []

        def ask():
            e = type(bad)(n, bad.folder, "Cbad")
            while time.monotonic() < stop:
                said.append(e.retrieve(question).rsc)
            e.close()

        threads = [threading.Thread(target=ask) for _ in range(ASKING)]
        for t in threads:
            t.start()
        times = []
        while time.monotonic() < stop:
            at = time.monotonic()
            assert good.retrieve("/cse-in/ae-Cgood").rsc == 2000
            times.append((time.monotonic() - at) * 1000)
            time.sleep(0.01)
        for t in threads:
            t.join()
        good.close()
        times.sort()
        return times[len(times) // 2], times[-1], said.count(2000) + said.count(1001), said.count(5207)


control = True
for name, question in WAYS.items():
    median, worst, answered, refused = felt("peer.work = 0", question)
    control = control and answered > 10 and refused == 0
    print(f"control: {name}: without the bound {answered} answered, honest requests took {median:.1f} ms, {worst:.0f} at worst")
    m, w, a, no = felt("", question)
    r.say(name, no > 0 and m < median / 3, f"{a} answered, {no} refused; honest {m:.1f} ms, {w:.0f} at worst")
end(control, r.all, "T11 costly questions")
