#!/usr/bin/python3
"""Domain 2 (intra common services): the process that asks the underlying network is replaced by a
hostile one that lies about keys and subscribers and sends the core what is not its to send.

The control is the naive way: one process that asks the network, keeps the keys and judges who comes;
whoever takes it over has the keys of all who came before."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import json, os, re, shutil, signal, subprocess, tempfile, time

import mno
from attack import Refusals, end, programs, scan_memory
from node import BUILD, NAME, Node, OpensslClient

CASES = 7
LIB = pathlib.Path(__file__).resolve().parents[1] / "lib"
KEY = b"A" * 32


def control(folder):
    """The bare NAF of naf.py, taken over: what it was told before is there to be read."""
    p = [subprocess.Popen(["/usr/bin/python3", LIB / "mno.py", "hss"], stdout=subprocess.PIPE)]
    try:
        hss = int(p[0].stdout.readline())
        mno.post(hss, "/add", {"impi": "one@ims", "k": "00" * 16, "opc": "11" * 16})
        bsf = mno.Bsf(hss)
        btid = bsf.accept("one@ims", {n: bytes.fromhex(v) for n, v in mno.post(hss, "/vector", {"impi": "one@ims"})[1].items()})
        impi, ks, rand, _ = bsf.sessions[btid]
        key = mno.gaa.naf_key(ks, rand, impi, mno.gaa.service(NAME, bytes.fromhex("0100000007")))
        mno.BsfHandler.bsf = bsf
        server = mno.Server(("127.0.0.1", 0), mno.BsfHandler)
        mno.threading.Thread(target=server.serve_forever, daemon=True).start()
        p.append(subprocess.Popen(["/usr/bin/python3", LIB / "naf.py", str(server.server_address[1]), NAME, folder],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        p[1].stdin.write((btid + "\n").encode())
        p[1].stdin.flush()
        p[1].stdout.readline()
        found, _ = scan_memory(p[1].pid, {"key": key})
        server.shutdown()
        return bool(found)
    finally:
        for x in p:
            x.kill()
            x.wait()


def comes_in(node, identity, key=KEY):
    c = OpensslClient(node.port, ["-psk_identity", identity, "-psk", key.hex(), "-tls1_3"])
    try:
        c.sendall(f"GET /cse-in HTTP/1.1\r\nHost: {NAME}\r\nX-M2M-Origin: Cone\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\n\r\n".encode())
        return b"X-M2M-RSC" in c.recv(65536)
    except OSError:
        return False
    finally:
        c.close()


def ends(report):
    return sum(" end " in l for l in report.read_text().splitlines()) if report.exists() else 0


r = Refusals()
top = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-hostile-"))
os.chmod(top, 0o755)
(top / "n").mkdir()
try:
    fell = control(str(top))
    print(f"control: a bare NAF taken over has the key of who came before: {fell}")
    with Node(folder=top / "n", start=False, options=f"network.gba = {mno.REALM} 127.0.0.1:9") as n:
        folder = programs(top / "programs", BUILD)
        shutil.copy2(BUILD / "attack-hostile-network", folder / "holdfast-network")
        report = folder / "hostile.txt"
        n.build = folder
        n.start()
        before = n.enrol("before", "Cbefore", "device", True, "--identity", "before@demo.example")
        n.cli("network", "allow", "one@ims", "--id", "Cone", "--ids", "Cone-*")
        ident = {c: c + "A" * 21 + "==@" + mno.REALM for c in "ABCDEF"}
        print(f"  still can  come in as an allowed subscriber with a key of its own: {comes_in(n, ident['A'])}")
        for c, what in (("B", "a subscriber whom nobody allowed"), ("C", "a key that was sealed for another identity"),
                        ("D", "a key that was sealed to nobody"), ("E", "a key that has ended")):
            r.say(what, not comes_in(n, ident[c]))
        comes_in(n, ident["F"])
        rows = {c["id"]: c for c in json.loads(n.cli("-o", "json", "credential", "list"))}
        far = rows.get("12-" + ident["F"], {"until": 0})["until"] - time.time() * 1000
        r.say("an end later than any credential of the node has", far < 400 * 86400_000, f"{far / 86400_000:.0f} days")
        r.say("another than the allowed entities", {c["entity"] for c in rows.values()} ==
              {"//demo.example/in-cse/Cone", "//demo.example/in-cse/Cbefore"})
        r.say("a device that was here before, as one behind", not comes_in(n, "Cbefore:" + ident["A"]))
        r.say("the identity of a key that an operator enrolled", not comes_in(n, "before@demo.example"))
        for pid in n.pids().get("network", []):
            os.kill(pid, signal.SIGKILL)
        with open(report, "a") as f:
            f.write("0 end of the case\n")
        end_at = time.time() + 60
        while time.time() < end_at and ends(report) < CASES:
            time.sleep(0.1)
        for l in report.read_text().splitlines():
            _, verdict, what = l.split(" ", 2)
            if verdict != "end":
                r.say(what, verdict == "refused")
        r.say("every case was played", ends(report) >= CASES, f"{ends(report)} of {CASES}")
        r.say("core and keeper did not die", not re.search("worker died: role=(core|keeper)", n.log_text()))
        r.say("the node serves", before.retrieve("/cse-in").rsc >= 2000)
        before.close()
        r.say("the audit chain is whole", n.cli("audit", "verify", check=False)[0] == 0)
finally:
    shutil.rmtree(top, ignore_errors=True)
end(fell, r.all, "hostile network process")
