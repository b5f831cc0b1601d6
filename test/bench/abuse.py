"""abuse: what those who behave feel of those who do not."""
import pathlib, statistics, subprocess, sys, time

from measure import ROUNDS, cpu, load, note, pids, place, row
from node import Node

PEERS, SHARE, SECONDS = 1000, 0.25, 4


def hostile():
    with Node(options="peer.requests = 20000\nstore.engine = memory") as n:
        n.e, bad = n.enrol("d", "Cdev"), n.enrol("h", "Chostile")
        for e in (n.e, bad):
            assert e.register().rsc == 2001
            e.close()
        place(pids(n))
        tls = ["--ca", n.dir / "node/ca.pem", "--cert", n.e.folder / "cert.pem", "--key", n.e.folder / "key.pem"]
        quiet, beside, used = [], [], []
        for _ in range(ROUNDS):
            quiet.append(load(n.port, SECONDS, 2, tls, get="/cse-in/ae-Cdev")["p99"])
            p = subprocess.Popen(["taskset", "-c", "1", "nice", sys.executable, str(pathlib.Path(__file__).with_name("hostile.py")), str(n.port), n.name,
                                  str(n.dir / "node/ca.pem"), str(bad.folder / "cert.pem"), str(bad.folder / "key.pem"), str(PEERS), str(SHARE)],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            time.sleep(3)  # all of them have come
            before = cpu(pids(n))
            f = load(n.port, SECONDS, 2, tls, get="/cse-in/ae-Cdev")
            used.append((cpu(pids(n)) - before) / SECONDS)
            beside.append(f["p99"])
            if f["errors"]:
                raise SystemExit(f"hostile: {f['errors']} honest requests were not served")
            said = p.communicate("")[0].strip()
        row("p99 beside 1 000 hostile peers", beside, quiet, "less", "us", ">= 0.5")
        note(f"they, a second: {said}; the node used {statistics.median(used):.2f} of a processor")
