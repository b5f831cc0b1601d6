#!/usr/bin/python3
"""T6 by framework: long-term keys, and values as good as them, are looked for in the memory of every process but the
keeper while handshakes by each framework go on, and after: provisioned keys, keys of a MAF and of a MEF (with the Ke they
come of), keys of the underlying network (GBA, in the UICC, AKMA, behind a gateway) that are fetched for these very
handshakes, the network's Ks, the secret of a claim.

Control: a bare function that was given such a key; the same search finds it."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import hashlib, hmac, os, subprocess, tempfile, threading, time

import mno
from attack import Refusals, as_good_as, encodings, end, scan_memory
from exporting import Exporting
from frameworks import LIB, SP, Lab, Way, profile_psk
from node import NAME

IMPORT_PSK, RELEASE = 27, 34  # of the keeper's operations: a key taken in; one in clear, for the core
MKR, KPSA = 245, b"oneM2M Enrolment Key to Provisioned Secure Connection Key derivation"


def patterns(keys):
    """Of each key what is as good as it in the octets it has; the key itself in each form it may lie about."""
    found = {}
    for name, key in keys.items():
        found |= {f"{name}: {form}": x for form, x in as_good_as(key).items() if form.endswith(" raw") or form.startswith("psk ")}
    return found


def search(pids, wanted, work):
    """role -> what is found while work goes on and after; what it found after; and work's result."""
    during, after, done = {}, {}, []
    t = threading.Thread(target=lambda: done.append(work()))
    t.start()
    while t.is_alive():
        for role, pid in pids:
            during.setdefault(role, set()).update(scan_memory(pid, wanted, True)[0])
    t.join()
    time.sleep(0.5)
    for role, pid in pids:
        after.setdefault(role, set()).update(scan_memory(pid, wanted, True)[0])
    return during, after, done[0]


def control(lab, btid, key):
    """A function of the network's that keeps what it got as it came."""
    with tempfile.TemporaryDirectory() as kept:
        p = subprocess.Popen(["/usr/bin/python3", LIB / "naf.py", str(lab.bsf), NAME, kept], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def work():
            p.stdin.write((btid + "\n").encode())
            p.stdin.flush()
            return p.stdout.readline()
        during, after, _ = search([("naf", p.pid)], patterns({"key": key}), work)
        p.kill()
        p.communicate()
    return during.get("naf", set()) | after["naf"]


def fresh_keys(lab):
    """Ways that the node has not seen yet, with keys of every kind that is fetched or made; and secrets behind them."""
    n, ways, behind = lab.node, [], {}
    for i in range(2):
        folder = lab.bootstrap("Cgba", lab.modules["Cgba"])
        ways.append(Way(lab, "GBA", "Cgba", folder, psk=profile_psk(folder)))
        behind[f"Ks {i}"] = bytes.fromhex(mno.post(lab.bsf, "/test/set", {})[1]["sessions"][ways[-1].psk[0].partition(";")[2]][1])
    for base, label in (("maf", "EXPORTER-oneM2M-Connection"), ("mef", "EXPORTER-oneM2M-Bootstrap")):
        client = Exporting(lab.clients[base], label)
        ty, suid = {"maf": (243, 32), "mef": (244, 22)}[base]
        made = client.create(f"/{base}Base", ty, {f"sec:{base[:2]}cr": {"adfq": "keys.example"}})
        assert made.rsc == 2001, made
        made = client.create(f"/{base}Base", MKR, {"sec:mkr": {"adfq": "keys.example", "suid": suid, "tgis": [f"{SP}/in-cse"]}})
        assert made.rsc == 2001, made
        key = client.exported[16:]
        if base == "mef":
            behind["Ke"], key = key, hmac.digest(key, KPSA + f"{SP}/in-cse".encode(), "sha256")
        ident = lab.clients[base].originator
        ways.append(Way(lab, f"key of a {base.upper()}", ident, psk=(f"{client.exported[:16].hex().upper()}@{NAME}", key)))
        client.close()
    return ways, behind


r = Refusals()
with Lab() as lab:
    fresh, behind = fresh_keys(lab)
    ways = [w for w in lab.ways if w.psk] + fresh
    found = control(lab, fresh[0].psk[0].partition(";")[2], fresh[0].psk[1])
    print(f"control: in the memory of a bare function {sorted(found)}")
    worked = "key: psk raw" in found
    keys = {f"{w.name} {i}": w.psk[1] for i, w in enumerate(ways)} | behind
    wanted = patterns(keys) | {"canary": os.urandom(16).hex().encode()}
    ticket = next(w for w in lab.ways if w.name == "ticket")
    secret = bytes.fromhex(ticket.ticket[1])
    wanted |= {f"claim {form}": x for form, x in encodings(secret).items()} | {"digest of the claim raw": hashlib.sha256(secret).digest()}
    half = lab.ways[0].open()
    half.s.sendall(b"GET /x HTTP/1.1\r\nX-Canary: " + wanted["canary"])  # half a request, held by the gate
    pids = [(role, p) for role, ps in lab.node.pids().items() for p in ps]

    def work():
        return [w.name for w in [*lab.ways, *fresh] for v in w.versions if not w.come(w.request(w.word()), version=v)]

    during, after, failed = search(pids, wanted, work)
    r.say(f"{len(lab.ways) + len(fresh)} ways got in by TLS 1.3 and 1.2 while looking, {len(fresh)} with keys that were not known", not failed, ", ".join(failed))
    for role in during:
        names = during[role] | after[role]
        if role == "keeper":
            print(f"  said     memory of keeper: {sorted(names) or 'nothing found'} (its keys lie there: not claimed)")
            continue
        if role == "network":  # for the moment in which it seals what the network gave
            said = {x for x in during[role] if x.startswith(("GBA", "AKMA", "behind"))} - after[role]
            print(f"  said     memory of network, while it seals: {sorted(said) or 'nothing found'}")
            names -= said
        if role == "core":  # it verifies by it
            names.discard("digest of the claim raw")
        if role == "gate":
            r.say("memory of gate: a canary (is found)", "canary" in names)
            names.discard("canary")
        r.say(f"memory of {role}, during and after", not names, ", ".join(sorted(names)))
    log = [str(x) for x in lab.node.audit()]
    taken, given = (sum(f"operation {n} asked by core" in x for x in log) for n in (IMPORT_PSK, RELEASE))
    r.say("for handshakes with keys of this node's own MAF and MEF the keeper gives none out", taken > len(fresh) and not given,
          f"{taken} taken in, {given} given out")
    half.close()
    lab.owner.close()
end(worked, r.all, "long-term keys in memory, by framework")
