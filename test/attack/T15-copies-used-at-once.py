#!/usr/bin/python3
"""T15: a node's whole folder is copied, and the copy is used beside it, or after it: the same key store at
work twice, or taken back to an earlier day with its counter."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import re, time

from attack import Refusals, end
from copies import alarmed, copy_of
from node import Node


def noticed(n, seconds=8):
    stop = time.time() + seconds
    while time.time() < stop and not alarmed(n):
        time.sleep(0.2)
    return alarmed(n) and any("copy of this key store" in str(x) for x in n.audit())


def receipt(n, name):
    """What its keeper signed last of its history."""
    f = n.top / f"{name}-{time.time_ns()}"
    n.cli("keeper", "receipt", f)
    return f


def says(n, f):
    code, text = n.cli("keeper", "compare", f, check=False)
    return code == 0 and "one history" in text, "ALARM" in text, text


def compared(n, second, common, seen):
    """Copies that share nothing are told by receipts that people carry from one to the other."""
    n.enrol("mine", "Cmine")
    second.enrol("its", "Cits")
    time.sleep(1.3)  # anchored
    of = {x: receipt(x, "receipt") for x in (n, second)}
    seen["common"] = says(n, common)[0] and says(second, common)[0]
    seen["own"] = says(n, of[n])[0] and says(second, of[second])[0] and not alarmed(n) and not alarmed(second)
    forged = n.top / "forged"
    text = of[second].read_text()
    forged.write_text(re.sub(r'"at":(\d)', lambda m: '"at":' + str((int(m[1]) + 1) % 9 + 1), text))
    ok, alarm, said = says(n, forged)
    seen["forged"] = not ok and not alarm and "not signed" in said
    seen["told"] = all(says(x, of[y])[1] and noticed(x) for x, y in ((n, second), (second, n)))


def twice(witness, seen=None):
    """Node and copy at once, and the older copy alone: (who noticed, whether the older one opens)."""
    with Node(options=f"keeper.witness = {witness}" if witness else "", start=False) as n:
        n.start()
        n.enrol("a", "Ca")
        time.sleep(1.3 if seen is not None else 0)
        common = receipt(n, "common") if seen is not None else None
        n.stop()
        second, old = copy_of(n, "second"), copy_of(n, "old")
        n.start()
        quiet = alarmed(n)
        second.start()
        if witness == "none":
            time.sleep(3)
        both = [alarmed(n), alarmed(second)] if witness == "none" else [noticed(n), noticed(second)]
        if seen is not None:
            compared(n, second, common, seen)
        second.stop()
        n.enrol("b", "Cb")
        time.sleep(1.2)  # a look at the witness
        n.stop()
        try:
            old.start(unless="locked because")
            opens = True
        except RuntimeError:
            opens = False
        said = [l for l in old.log_text().splitlines() if "locked" in l]
        old.stop()
        n.start()
        mine = not alarmed(n)
        return quiet, both, opens, mine, said[0][22:] if said else ""


r = Refusals()
seen = {}
quiet, both, opens, mine, _ = twice("none", seen)
control = both == [False, False] and opens
print("control: without a witness, node and copy serve side by side, and an earlier copy serves after it")
quiet, both, opens, mine, said = twice("")
r.say("copies that share nothing: a receipt of one, shown to the other, is an alarm on both", seen["told"])
r.say("a receipt from before the copy, and each one's own, are of one history (the check can tell)", seen["common"] and seen["own"])
r.say("an altered receipt is refused, and alarms nobody", seen["forged"])
r.say("a copy beside the node: the node's alarm, in doctor and on record", both[0] and not quiet)
r.say("a copy beside the node: the copy's own", both[1])
r.say("an older copy, with its counter, after the node", not opens, said)
r.say("the node itself opens again, without an alarm (the check can tell)", mine)
end(control, r.all, "copies used at once")
