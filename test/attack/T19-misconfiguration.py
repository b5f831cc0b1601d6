#!/usr/bin/python3
"""T19: default accounts, open doors, readable files, listening on all interfaces, as shipped."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import json, os, pathlib, re, socket, ssl, stat, subprocess

from attack import Refusals, Twin, end
from node import Node, NAME


def listeners(pids):
    """(address, port) on which one of these processes listens."""
    inodes = set()
    for pid in pids:
        for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                m = re.match(r"socket:\[(\d+)\]", os.readlink(fd))
            except OSError:
                continue
            if m:
                inodes.add(m.group(1))
    found = set()
    for family in ("tcp", "tcp6", "udp", "udp6"):
        for line in open(f"/proc/net/{family}").read().splitlines()[1:]:
            f = line.split()
            if f[9] in inodes and (f[3] == "0A" or family.startswith("udp")):
                address, port = f[1].split(":")
                found.add((address, int(port, 16)))
    return found


def readable_by_others(folder):
    return [str(p) for p in pathlib.Path(folder).rglob("*")
            if p.is_file() and not p.is_symlink() and p.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP)]


r = Refusals()
with Twin() as t:
    found = listeners([t.p.pid])
    control = any(a == "00000000" for a, _ in found) and bool(readable_by_others(t.top)) and t.ask("GET", "/key")[0] == 200
    print(f"control: listens on {found}, key file readable, key given without a credential")

with Node(start=False, options="log.level = info") as n:
    # the default start: what `holdfast init` made, and nothing else
    bare = n.top / "bare"
    n.cli("init", bare, "--sp", "//demo.example", "--cse-id", "/in-cse", directory=False)
    text = (bare / "holdfast.conf").read_text()
    port = re.search(r"(?m)^listen\.https *= *(\S+):(\d+)", text)
    r.say("a node of `holdfast init` without a listener listens on loopback only", not port or port.group(1) in ("127.0.0.1", "[::1]"), port.group(0) if port else "nowhere")
    r.say("it switches nothing on", not re.search(r"(?m)^(lab|courier|user)", text), " ".join(text.split()))
    empty = n.top / "empty"
    empty.mkdir()
    p = subprocess.run([str(n.build / "holdfastd"), "-d", str(empty)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
    r.say("a start in a folder that is no node", p.returncode != 0, p.stdout.decode().strip().splitlines()[-1][:100])
    conf = n.dir / "holdfast.conf"
    text = conf.read_text()
    conf.write_text(re.sub(r"(?m)^listen\.https.*$", "", text))
    n.spawn()
    n.wait_ready(listening=False)
    found = listeners([p for ps in n.pids().values() for p in ps] + [n.process.pid])
    r.say("without a listener in the configuration nothing listens", not found, str(found))
    n.stop()
    conf.write_text(text)
    n.start()
    rows = json.loads(n.cli("-o", "json", "credential", "list"))
    r.say("no credential is there from the beginning", rows == [], str(rows))
    pids = [p for ps in n.pids().values() for p in ps] + [n.process.pid]
    found = listeners(pids)
    r.say("only the configured listener, on its address", {a for a, _ in found} <= {"0100007F"} and {p for _, p in found} == {n.port}, str(found))
    public = {"ca.pem", "node.pem"}
    loose = [p for p in readable_by_others(n.dir) if pathlib.Path(p).name not in public | {"status"}]  # what runs, for anybody: no name, no identity
    r.say("files that others may read or write", not loose, ", ".join(loose))
    for folder in ("keeper", "store"):
        r.say(f"folder {folder} closed to others", (n.dir / folder).stat().st_mode & 0o077 == 0)
    r.say("socket of administration closed to others", (n.dir / "run/admin.sock").stat().st_mode & 0o077 == 0 or (n.dir / "run").stat().st_mode & 0o077 == 0)
    # anonymous probes and usual names
    for origin in ("CAdmin", "admin", "Sadmin", "root", "/in-cse", "guest", ""):
        s = socket.create_connection(("127.0.0.1", n.port))
        c = ssl._create_unverified_context()
        try:
            tls = c.wrap_socket(s, server_hostname=NAME)
            tls.sendall(f"GET /cse-in HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: {origin}\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\n\r\n".encode())
            got = tls.recv(1000)
        except OSError:
            got = b""
        s.close()
        r.say(f"anonymous probe as {origin!r}", not got, str(got[:50]) if got else "")
    d = n.enrol("d", "Cdev")
    for origin in ("CAdmin", "Sadmin", "/in-cse"):
        x = d.retrieve("/cse-in", origin=origin)
        r.say(f"default account {origin}", x.rsc in (4000, 4106), f"rsc {x.rsc}")
    x = d.retrieve("/cse-in")
    r.say("an enrolled but unregistered device reads the CSEBase", x.rsc in (4103, 4106), f"rsc {x.rsc}")
    for path in ("/", "/admin", "/status", "/console", "/.env", "/metrics", "/debug"):
        x = d.retrieve(path)
        r.say(f"unused page {path}", x.rsc not in range(2000, 3000), f"rsc {x.rsc}")
    refused = [x for x in n.audit() if x.get("rsc") == 4106]
    r.say("the default accounts are refused on record", len(refused) == 2, f"{len(refused)} records")  # "/in-cse" is 4000
    r.say("the anonymous probes are in the log", n.log_text().count("connection refused") >= 7)
    # what another user of this machine may do
    for what, argv in {"read the configuration": ["cat", conf], "read the key store": ["cat", n.dir / "keeper/keystore"], "read the store": ["cat", n.dir / "store/holdfast.db"],
                       "read the passphrase": ["cat", n.dir / "credential"], "use the administration": [n.build / "holdfast", "-d", n.dir, "credential", "list"]}.items():
        mine = subprocess.run(list(map(str, argv)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
        other = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *map(str, argv)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        r.say(f"another user: {what} (root may: {'yes' if mine else 'NO'})", mine and other.returncode != 0, other.stdout.decode(errors="replace").strip()[-60:])
    d.close()
    n.stop()

    def starts():
        p = subprocess.run(["timeout", "1.5", str(n.build / "holdfastd"), "-d", str(n.dir)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return p.returncode == 124, " | ".join(l[22:] for l in p.stdout.decode().strip().splitlines()[-2:])[:150]

    os.chmod(conf, 0o666)
    up, said = starts()
    r.say("a configuration that others may write", not up, said)
    os.chmod(conf, 0o600)
    for name, mode, what in (("credential", 0o644, "a passphrase file that others may read"), ("keeper", 0o755, "a key store that others may read"),
                             ("keeper", 0o777, "a key store folder that others may write"), ("store", 0o777, "a store that others may write"), (".", 0o777, "a node that others may write")):
        kept = (n.dir / name).stat().st_mode & 0o7777
        os.chmod(n.dir / name, mode)
        up, said = starts()
        tightened = (n.dir / name).stat().st_mode & 0o077 == 0
        r.say(f"{what} ({'tightened' if tightened else 'not started'})", not up or tightened, said)
        os.chmod(n.dir / name, kept)
    for line, what in (("lab = yes", "lab mode by the configuration file"), ("listen.lab_http = 0.0.0.0:8080", "a plain listener by the configuration file"),
                       ("lab.admin = Sadmin", "an administrator of everything by the configuration file")):
        conf.write_text(text + "\n" + line + "\n")
        up, said = starts()
        r.say(what, not up, said)
    conf.write_text(text + "\nlisten.lab_http = 0.0.0.0:8080\n")
    p = subprocess.run(["timeout", "5", str(n.build / "holdfastd"), "-d", str(n.dir), "--lab"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    r.say("lab mode on all interfaces", p.returncode not in (0, 124), p.stdout.decode().strip().splitlines()[-1][:110])
    conf.write_text(text)
    n.start()
    r.say("with its own configuration it starts", n.cli("status", check=False)[0] == 0)
end(control, r.all, "misconfiguration")
