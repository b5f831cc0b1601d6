#!/usr/bin/python3
"""Domain 2 (intra common services): a gate is replaced by a hostile one that sends every row of
messages.def wrongly, tries every operation of the keeper, and invents associations.

The control is a core that trusts its gate: a lab-mode node, where a request needs no association."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import http.client, json, os, re, shutil, subprocess, tempfile, time

from attack import Refusals, end
from node import BUILD, Node

CASES, TYPES = 8, 30
GATES = CASES + TYPES


def programs(top):
    """A folder of the programs in which the gate is the hostile one."""
    folder = pathlib.Path(top) / "programs"
    folder.mkdir()
    for name in ("holdfast", "holdfastd", "holdfast-core", "holdfast-keeper", "holdfast-courier", "holdfast-door", "holdfast-gate"):
        shutil.copy2(BUILD / name, folder / name)
    shutil.copy2(BUILD / "attack-hostile-gate", folder / "holdfast-gate")
    os.chmod(folder, 0o755)
    return folder


def lab_control():
    """In lab mode, whoever speaks plainly is believed: the forged originator is served."""
    with Node(lab=True) as n:
        def ask(origin, method, path, body=None):
            c = http.client.HTTPConnection("127.0.0.1", n.lab_port, timeout=10)
            c.request(method, path, json.dumps(body) if body else None,
                      {"X-M2M-Origin": origin, "X-M2M-RI": f"r{time.time()}", "X-M2M-RVI": "3",
                       **({"Content-Type": "application/json;ty=2"} if body else {})})
            r = c.getresponse()
            r.read()
            return int(r.headers.get("X-M2M-RSC", 0))

        made = ask("Cvictim", "POST", "/cse-in", {"m2m:ae": {"rn": "v", "api": "Nx", "rr": False, "srv": ["3"]}})
        read = ask("Cvictim", "GET", "/cse-in/v")
        print(f"control: a core without associations: registered {made}, read as a forged originator {read}")
        return made == 2001 and read == 2000


r = Refusals()
control = lab_control()
top = tempfile.mkdtemp(prefix="holdfast-hostile-")
os.chmod(top, 0o755)
try:
    with Node(folder=pathlib.Path(top) / "n" if not os.makedirs(pathlib.Path(top) / "n") else None) as n:
        e = n.enrol("d", "Cdev", "device", True, "--identity", "d@demo.example")
        assert e.register().rsc == 2001
        e.close()
        n.enrol("o", "Cother")
        assert n.stop() == 0
        with open(n.dir / "holdfast.conf", "a") as f:
            f.write(f"gate.workers = {GATES}\n")
        n.build = programs(top)
        n.log = open(n.log_path, "ab")
        n.process = subprocess.Popen([str(n.build / "holdfastd"), "-d", str(n.dir)], stdout=n.log, stderr=n.log)
        report = n.dir / "node/hostile.txt"
        end_at = time.time() + 60
        while time.time() < end_at:
            lines = report.read_text().splitlines() if report.exists() else []
            if {int(l.split()[0]) for l in lines} >= set(range(GATES)):
                break
            time.sleep(0.5)
        time.sleep(1)
        lines = sorted(report.read_text().splitlines() if report.exists() else [], key=lambda l: int(l.split()[0]))
        seen = set()
        for l in lines:
            number, verdict, what = l.split(" ", 2)
            seen.add(int(number))
            if verdict in ("can", "said"):
                print(f"  still {verdict:<4} {what}")
            elif verdict != "end":
                r.say(what, verdict == "refused")
        r.say(f"every case was played ({len(seen)} of {GATES}, {len(lines)} findings)", seen >= set(range(CASES)) and len(lines) > 60)
        pids = n.pids()
        r.say("core and keeper still serve", n.cli("status", check=False)[0] == 0 and "core" in pids and "keeper" in pids)
        r.say("the audit chain is whole", n.cli("audit", "verify", check=False)[0] == 0)
finally:
    shutil.rmtree(top, ignore_errors=True)
end(control, r.all, "hostile gate")
