#!/usr/bin/python3
"""T2, T5: the files of the key store are removed while the node runs, and while it does not."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import os, shutil

from attack import Refusals, Twin, attempt, end, is_success
from node import Node
from waiting import in_time

r = Refusals()
with Twin() as t:
    os.unlink(t.top / "key")
    control = not (t.top / "key").exists()
    print("control: the key is gone for good")


with Node() as n:
    device = n.enrol("a", "Ca")
    assert device.register().rsc == 2001
    keeper = n.dir / "keeper"

    def works():
        device.close()
        return is_success(attempt(device, lambda: device.retrieve("/cse-in/ae-Ca")))

    for names in (("keystore",), ("counter",), ("keystore", "counter")):
        for name in names:
            (keeper / name).unlink()
        back = in_time(lambda: all((keeper / x).exists() for x in ("keystore", "counter")))
        r.say(f"{' and '.join(names)} removed while it runs: served, and written anew", works() and back)
    r.say("on record", sum("written anew" in str(x) for x in n.audit()) == 3)
    device.close()
    assert n.stop() == 0
    n.start()
    r.say("after a restart: all keys are there", works())
    device.close()
    assert n.stop() == 0

    for name in ("keystore", "counter"):
        shutil.copy2(keeper / name, n.top / name)
        owner = (keeper / name).stat()
        (keeper / name).unlink()
        before = len(n.log_text())
        n.spawn()
        assert in_time(lambda: "locked because" in n.cli("status", check=False)[1])
        said = [l for l in n.log_text()[before:].splitlines() if "locked" in l]
        code, text = n.cli("key", "sign", "x", "y", check=False)
        r.say(f"{name} removed before a start: the node runs, says that it is locked, and does nothing with keys",
              bool(said) and code == 1 and not works(), said[0][22:120] if said else "")
        shutil.copy2(n.top / name, keeper / "new")
        os.chown(keeper / "new", owner.st_uid, owner.st_gid)
        os.rename(keeper / "new", keeper / name)
        r.say("put back: it is served again, without a restart", in_time(works, 20))
        device.close()
        assert n.stop() == 0
end(control, r.all, "key store removed")
