#!/usr/bin/python3
"""T6: keys that the underlying network gave are seen in memory, in files, on the way between
processes, during and after the handshakes that they were fetched for; and by who has the
device's key of a gateway, the gateway's."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import os, subprocess, tempfile, threading, time

import gaa, mno
from attack import Refusals, encodings, end, scan_files, scan_memory
from node import Node, NAME, OpensslClient

LIB = pathlib.Path(__file__).resolve().parents[1] / "lib"
K, OPC = os.urandom(16), os.urandom(16)
IMPI = "001010000000001@ims.mnc001.mcc001.3gppnetwork.org"
UA = bytes.fromhex("0100000007")
processes = []


def start(*argv, stdin=None):
    p = subprocess.Popen(["/usr/bin/python3", *map(str, argv)], stdin=stdin, stdout=subprocess.PIPE)
    processes.append(p)
    return p


def port_of(*argv):
    return int(start(LIB / "mno.py", *argv).stdout.readline())


def patterns(values):
    return {f"{name} {form}": octets for name, v in values.items() for form, octets in encodings(v).items()}


def handshake(port, identity, key):
    c = OpensslClient(port, ["-psk_identity", identity, "-psk", key.hex(), "-tls1_3"])
    try:
        c.sendall(f"GET /cse-in HTTP/1.1\r\nHost: {NAME}\r\nX-M2M-Origin: Cgw\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\n\r\n".encode())
        return b"X-M2M-RSC" in c.recv(65536)
    finally:
        c.close()


def look(pids, wanted, work):
    """What is found in the processes while work goes on and after; and its result."""
    found, done = {}, []
    t = threading.Thread(target=lambda: done.append(work()))
    t.start()
    while True:
        alive = t.is_alive()
        for role, pid in pids:
            found.setdefault(role, set()).update(scan_memory(pid, wanted)[0])
        if not alive:
            return found, done[0]


def bootstrapped(bsf, impi=IMPI):
    """A session as a device has it: B-TID, Ks, RAND; by the BSF's own part."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="usim-"))
    p = start(LIB / "mno.py", "usim", folder / "s", K.hex(), OPC.hex(), impi)
    p.stdout.readline()
    subprocess.run([node.build / "holdfast", "network", "bootstrap", "--module", folder / "s", "--bsf", f"127.0.0.1:{bsf}",
                    "--naf", NAME, "--server", f"127.0.0.1:{node.port}", "--id", "Cgw", "--out", folder / "p"],
                   check=True, stdout=subprocess.DEVNULL)
    btid = (folder / "p/psk.identity").read_text().partition(";")[2]
    _, ks, rand = mno.post(bsf, "/test/set", {})[1]["sessions"][btid]
    return btid, bytes.fromhex(ks), bytes.fromhex(rand)


r = Refusals()
hss = port_of("hss")
mno.post(hss, "/add", {"impi": IMPI, "k": K.hex(), "opc": OPC.hex()})
bsf = port_of("bsf", hss)
try:
    with Node(options=f"network.gba = {mno.REALM} 127.0.0.1:{bsf}") as node:
        node.cli("network", "allow", IMPI, "--id", "Cgw", "--ids", "Cgw-*")
        sessions = [bootstrapped(bsf) for _ in range(6)]
        naf = gaa.service(NAME, UA)
        keys = [gaa.naf_key(ks, rand, IMPI, naf) for _, ks, rand in sessions]
        target = "//demo.example/in-cse/Cgw-1"
        device = gaa.device_key(keys[0], "22", target)
        wanted = patterns({f"key {i}": k for i, k in enumerate(keys)} | {"Ks": sessions[0][1], "device": device})

        # the control: a NAF that keeps what it was given
        with tempfile.TemporaryDirectory() as kept:
            bare = start(LIB / "naf.py", bsf, NAME, kept, stdin=subprocess.PIPE)
            bare.stdin.write((sessions[0][0] + "\n").encode())
            bare.stdin.flush()
            assert bare.stdout.readline() == b"kept\n"
            memory, _ = scan_memory(bare.pid, wanted)
            files = scan_files(kept, wanted)
        print(f"control: a bare NAF, in memory {sorted(memory)}, in files {sorted(map(os.path.basename, files))}")
        control = any("raw" in n for n in memory) and bool(files)

        pids = [(role, p) for role, ps in node.pids().items() for p in ps]

        def work():
            n = sum(handshake(node.port, "3GPP-bootstrapping;" + s[0], k) for s, k in zip(sessions, keys))
            n += handshake(node.port, "Cgw-1:" + sessions[0][0], device)
            time.sleep(0.5)
            return n

        found, n = look(pids, wanted, work)
        r.say(f"{n} of {len(keys) + 1} handshakes succeeded while looking, each fetched its key", n == len(keys) + 1)
        for role, names in found.items():
            if role == "keeper":
                print(f"  said     memory of keeper: {sorted(names) or 'nothing found'} (its keys lie there: not claimed)")
                continue
            if role == "network":  # for the moment of an answer; what is left is looked for below
                print(f"  said     memory of network, while it seals: {sorted(names) or 'nothing found'}")
                names = set().union(*(scan_memory(p, wanted)[0] for q, p in pids if q == role))
            r.say(f"memory of {role}" + (" afterwards" if role == "network" else ", during and after"), not names,
                  ", ".join(sorted(names)))
        r.say("every file of the node", not scan_files(node.dir, wanted))
        r.say("the log", not any(p in node.log_path.read_bytes() for p in wanted.values()))
        # who has a device's key has nobody else's
        made = {gaa.device_key(device, "22", target), gaa.device_key(device, "22", "//demo.example/in-cse/Cgw-2"), device}
        fell = []
        for identity in ("3GPP-bootstrapping;" + sessions[0][0], "Cgw-2:" + sessions[0][0]):
            for key in made:
                try:
                    fell += [identity] if handshake(node.port, identity, key) else []
                except OSError:
                    pass
        r.say("the gateway's or another device's association by a device's key", not fell, ", ".join(fell))
finally:
    for p in processes:
        p.kill()
        p.wait()
end(control, r.all, "keys of the underlying network in use")
