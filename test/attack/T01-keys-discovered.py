#!/usr/bin/python3
"""T1, T4: long-term keys are discovered in files, core dumps, the memory of gate and core, and by
management commands. The keys looked for: a pre-shared key that the device knows, and the passphrase
of the key store. The memory scan must also find a canary that is planted there."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import glob, os, pathlib, re, resource, signal, socket, struct, subprocess, tempfile, time

from attack import Refusals, Twin, attempt, encodings, end, is_success, scan_files, scan_memory
from node import Node

CANARY = os.urandom(16).hex().encode()


def dump_of_control(key):
    """A process that holds a key and allows dumps, killed: True when the key is in its core file."""
    with tempfile.TemporaryDirectory() as top:
        child = "import sys, time; key = bytes.fromhex(sys.stdin.readline()); print(flush=True); time.sleep(60)"
        p = subprocess.Popen([sys.executable, "-c", child], cwd=top, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2))
        p.stdin.write(key.hex().encode() + b"\n")
        p.stdin.flush()
        p.stdout.readline()
        p.send_signal(signal.SIGSEGV)
        p.wait()
        dumps = [f for f in glob.glob(top + "/*core*")]
        found = any(key in pathlib.Path(f).read_bytes() for f in dumps)
        print(f"control: killed with dumps allowed: {'core file with the key' if found else f'no key ({len(dumps)} dumps)'}")
        return found


def ask_door(n, operation, fields):
    """One operation of the keeper by the administration socket: its error (0 is well) and octets."""
    body = struct.pack(">H", operation) + fields
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(n.dir / "run/admin.sock"))
    s.settimeout(2)
    s.sendall(struct.pack(">IHHQ", len(body), 53, 0, 1) + body)
    data = b""
    try:
        while len(data) < 17 or len(data) < 16 + struct.unpack(">I", data[:4])[0]:
            more = s.recv(65536)
            if not more:
                return None, b""
            data += more
    except OSError:
        return None, b""
    finally:
        s.close()
    return data[16], data[17:]


def operations_of_the_door():
    """Numbers of the operations that the table lets the door ask."""
    table = (pathlib.Path(__file__).resolve().parents[2] / "src/wire/operations.def").read_text()
    return {int(number) for number, roles in re.findall(r"^OPERATION\((\d+), +\w+, +([^,]+),", table, re.M) if "TO(DOOR)" in roles}


def memory(n, patterns):
    for role, pids in [*n.pids().items(), ("parent", [n.process.pid])]:
        for pid in pids:
            found, unread = scan_memory(pid, patterns)
            keys = {f for f in found if f != "canary"}
            if role == "keeper":
                print(f"  said     memory of keeper as root: {sorted(found) or 'nothing found'} "
                      "(root against the software provider is not claimed)")
                continue
            r.say(f"memory of {role}, as root", not keys and unread < 20, f"{found or ''} {unread} mappings unread")
            if role in ("gate", "core"):
                r.say(f"  the canary that was planted in {role} (is found)", "canary" in found)
            # another process of the same user, which is what a second worker taken over would be
            user = os.stat(f"/proc/{pid}/ns") and [l for l in open(f"/proc/{pid}/status") if l.startswith("Uid:")][0].split()[1]
            if user != "0":
                other = subprocess.run(["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "head", "-c", "1", f"/proc/{pid}/maps"],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                r.say(f"memory of {role}, as its own user", not other.stdout, other.stderr.decode().strip()[-40:])
    locked = [l for l in open(f"/proc/{n.pids()['keeper'][0]}/status") if l.startswith(("VmLck", "VmSwap"))]
    r.say("swap: the keeper's secrets are in locked memory", int(locked[0].split()[1]) > 0 and int(locked[1].split()[1]) == 0, " ".join(" ".join(l.split()) for l in locked))


def dumps(n):
    """Kill each worker by a signal that dumps, where the node was started with dumps allowed."""
    places = [n.top, pathlib.Path.cwd(), pathlib.Path("/")]
    before = {f for p in places for f in p.glob("core*")} | set(n.dir.rglob("core*"))
    for role in ("gate", "core", "door", "courier"):
        pid = n.pids()[role][0]
        os.kill(pid, signal.SIGSEGV)
        for _ in range(100):
            if n.pids().get(role, [pid])[0] != pid and n.cli("status", check=False)[0] == 0:
                break
            time.sleep(0.1)
    left = ({f for p in places for f in p.glob("core*")} | set(n.dir.rglob("core*"))) - before
    died = n.log_text().count("worker died")
    r.say(f"core dumps of gate, core, door and courier ({died} died)", not left and died >= 4, str(left) if left else "")
    r.say("none of them says that it left one", "core dumped" not in n.log_text())


def management(n, patterns):
    start = n.audit()[-1]["n"]
    for name in ("psk/d@demo.example", "ca", "node", "root", "audit", "import"):
        code, text = n.cli("key", "export", name, check=False)
        r.say(f"management: key export {name}", code == 1 and not any(p in text.encode() for p in patterns.values()), text.strip().splitlines()[-1][:80])
    asked = [x for x in n.audit() if x["n"] > start and x["kind"] == 7 and "operation 41 asked by door" in x.get("text", "") and "refused" in x["text"]]
    r.say(f"each export that was asked for is on record ({len(asked)})", len(asked) == 6)
    name = b"psk/d@demo.example"
    forms = (b"", struct.pack(">I", 0), struct.pack(">I", len(name)) + name, struct.pack(">I", 1), bytes(64), struct.pack(">I", 2) + b"ca" + bytes(40))
    well, answered, leaked, answers = set(), 0, [], []
    for operation in range(64):
        for fields in forms:
            status, octets = ask_door(n, operation, fields)
            answered += status is not None
            if status == 0:
                well.add(operation)
                answers.append(octets)
            leaked += [operation for p in patterns.values() if p in octets]
    r.say(f"every operation of the keeper through the door ({answered} answers; well: {sorted(well)})", well == {20, 40, 42, 56, 60, 62} and answered > 300 and not leaked)
    r.say("  none answers that is not the door's by the table", well <= operations_of_the_door())
    for index in range(40):  # every row of the key list
        status, octets = ask_door(n, 40, struct.pack(">I", index))
        if status != 0:
            break
        answers.append(octets)
        time.sleep(0.06)  # it has a rate
    text = b"".join(answers)
    r.say(f"  every row of the key list ({index}), octet by octet; the device's key is named there (is found)",
          name in text and not any(p in text for p in patterns.values()))
    listings = (["key", "list"], ["-o", "json", "key", "list"], ["status"], ["-o", "json", "status"], ["credential", "list"], ["association", "list"],
                ["audit", "list", "--limit", "10000"], ["-o", "json", "audit", "list", "--limit", "10000"], ["doctor"], ["inspect", n.dir / "keeper/keystore"])
    text = "".join(n.cli(*what, check=False)[1] for what in listings)
    r.say(f"every listing ({len(text)} characters, the key's name among them)", name.decode() in text and not any(p in text.encode() for p in patterns.values()))
    r.say("the log", not any(p in n.log_text().encode() for p in patterns.values()))
    n.cli("audit", "export", n.top / "export")
    r.say("the exported audit log", not scan_files(n.top / "export", patterns) and not any(p in (n.top / "export").read_bytes() for p in patterns.values()))


r = Refusals()
with Twin() as t:
    patterns = encodings(t.key)
    t.ask("GET", "/x")
    seen, _ = scan_memory(t.p.pid, patterns)
    files = scan_files(t.top, patterns)
    status, said = t.ask("GET", "/key")
    print(f"control: memory {sorted(seen)}, files {list(files.values())}, management {status}")
    control = "raw" in seen and files and said == {"key": t.key.hex()} and dump_of_control(t.key)

resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
with Node(options="log.level = info") as n:
    d = n.enrol("d", "Cdev", "device", True, "--identity", "d@demo.example")
    d.register()
    d.create("/cse-in/ae-Cdev", 3, {"m2m:cnt": {"rn": "c", "lbl": [CANARY.decode()]}})
    d.create("/cse-in/ae-Cdev/c", 4, {"m2m:cin": {"con": CANARY.decode()}})
    key = bytes.fromhex((d.folder / "psk.key").read_text().strip())
    passphrase = (n.dir / "credential").read_bytes().strip()
    of_first = (n.dir / "administrator.pass").read_bytes().strip()
    patterns = {**encodings(key), **{who + k: v for who, secret in (("passphrase ", passphrase), ("administrator ", of_first))
                                     for k, v in encodings(secret).items() if k in ("raw", "base64")}}
    allowed = (("credential", ["passphrase raw"]), ("administrator.pass", ["administrator raw"]))
    files = {f: names for f, names in scan_files(n.dir, patterns).items() if (f.rsplit("/")[-1], names) not in allowed}
    r.say("read every file of the node (but the two passphrase files, which are root's)", not files, str(files) if files else "")
    r.say("the device's own file holds its key (the scan can find)", scan_files(d.folder, patterns))
    d.connect().sendall(b"GET /" + CANARY + b" HTTP/1.1\r\nX-Canary: " + CANARY)  # half a request, held by the gate
    time.sleep(0.3)
    memory(n, {**patterns, "canary": CANARY})
    d.close()
    management(n, patterns)
    dumps(n)
    r.say("the device is served after all this", is_success(attempt(d, lambda: d.retrieve("/cse-in/ae-Cdev"))))
    d.close()
    r.say("files, after the deaths", not {f: w for f, w in scan_files(n.dir, patterns).items() if (f.rsplit("/")[-1], w) not in allowed})
end(control, r.all, "keys discovered")
