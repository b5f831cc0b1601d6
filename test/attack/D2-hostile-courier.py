#!/usr/bin/python3
"""Domain 2 (intra common services): the courier is replaced by a hostile one that lies about what
targets answered, asks the keeper for everything, and sends the core what is not its to send.

The control is the naive way: one process that holds the node's key and opens connections; whoever
takes it over signs what he likes."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import os, re, shutil, signal, subprocess, tempfile, time

from attack import Refusals, attempt, end, programs
from node import BUILD, Node

CASES = 9
SGN = {"m2m:sgn": {"nev": {"rep": {}}, "sur": "x"}}


def control(top):
    """A key in the process that connects: it signs any text."""
    key = top / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key], check=True, capture_output=True)
    signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=b"a contract", capture_output=True)
    print(f"control: the key of a process that connects signed a contract: {len(signed.stdout)} octets")
    return signed.returncode == 0 and len(signed.stdout) > 60


def ends(report):
    return sum(" end " in l for l in report.read_text().splitlines()) if report.exists() else 0


r = Refusals()
top = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-hostile-"))
os.chmod(top, 0o755)
(top / "n").mkdir()
try:
    fell = control(top)
    with Node(folder=top / "n", options="courier.allow = listed.example:443@192.0.2.1") as n:
        d, other = n.enrol("d", "Cdev"), n.enrol("o", "Cother")
        assert d.register().rsc == 2001 and other.register().rsc == 2001
        assert d.update("/cse-in/ae-Cdev", {"m2m:ae": {"rr": True, "poa": ["https://listed.example/"]}}).rsc == 2004
        n.enrol("p", "Cp", "device", True, "--identity", "p@demo.example")
        d.close(), other.close()
        assert n.stop() == 0
        report = n.dir / "node/hostile.txt"
        n.build = programs(top / "programs", BUILD, courier=BUILD / "attack-hostile-courier")
        n.start()
        # what waits for an answer believes the lie; who may not ask is refused all the same
        a = attempt(d, lambda: d.ask("POST", "/cse-in/ae-Cdev", SGN))
        print(f"  still can  have a request believe what no target said (rsc {a and a.rsc})")
        b = attempt(other, lambda: other.ask("POST", "/cse-in/ae-Cdev", SGN))
        r.say("a lie lets nobody do what the policy refuses", b is not None and b.rsc == 4103, f"rsc {b and b.rsc}")
        for pid in n.pids().get("courier", []):
            os.kill(pid, signal.SIGKILL)
        with open(report, "a") as f:
            f.write("0 end of the case\n")
        end_at = time.time() + 60
        while time.time() < end_at and ends(report) < CASES:
            time.sleep(0.2)
        can = set()
        for l in report.read_text().splitlines():
            number, verdict, what = l.split(" ", 2)
            if verdict == "can":
                print(f"  still can  {what}")
                can.add(what)
            elif verdict != "end":
                r.say(what, verdict == "refused")
        r.say("what it still can do is what SECURITY.md says",
              can == {"lie about what a target answered", "have the node's key sign a handshake outward"}, str(len(can)))
        r.say("every case was played", ends(report) >= CASES, f"{ends(report)} of {CASES}")
        r.say("core and keeper did not die", not re.search("worker died: role=(core|keeper)", n.log_text()))
        c = attempt(d, lambda: d.retrieve("/cse-in/ae-Cdev"))
        r.say("the node serves", c is not None and c.rsc == 2000)
        asked = [x for x in n.audit() if x["kind"] == 7 and "courier" in x.get("text", "")]
        r.say(f"on record: what the courier asked of the keeper ({len(asked)})", len(asked) >= 5)
        r.say("the audit chain is whole", n.cli("audit", "verify", check=False)[0] == 0)
finally:
    shutil.rmtree(top, ignore_errors=True)
end(fell, r.all, "hostile courier")
