#!/usr/bin/python3
"""T19: default accounts, open doors, readable files, listening on all interfaces, as shipped."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import os, pathlib, re, socket, ssl, stat, subprocess

from attack import Refusals, Twin, end
from node import Node, NAME, Entity


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

with Node(start=False) as n:
    conf = n.dir / "holdfast.conf"
    text = conf.read_text()
    conf.write_text(re.sub(r"(?m)^listen\.https.*$", "", text))
    n.process = subprocess.Popen([str(n.build / "holdfastd"), "-d", str(n.dir)], stdout=open(n.log_path, "ab"), stderr=subprocess.STDOUT)
    for _ in range(200):
        if n.cli("status", check=False)[0] == 0:
            break
        __import__("time").sleep(0.05)
    found = listeners([p for ps in n.pids().values() for p in ps] + [n.process.pid])
    r.say("without a listener in the configuration nothing listens", not found, str(found))
    n.stop()
    conf.write_text(text)
    n.start()
    pids = [p for ps in n.pids().values() for p in ps] + [n.process.pid]
    found = listeners(pids)
    r.say("only the configured listener, on its address", {a for a, _ in found} <= {"0100007F"} and {p for _, p in found} == {n.port}, str(found))
    public = {"ca.pem", "node.pem"}
    loose = [p for p in readable_by_others(n.dir) if pathlib.Path(p).name not in public | {"status"}]
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
    d.close()
    n.stop()
    os.chmod(conf, 0o666)
    p = subprocess.run([str(n.build / "holdfastd"), "-d", str(n.dir)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
    r.say("a configuration that others may write", p.returncode != 0, p.stdout.decode().strip().splitlines()[-1][:100])
    os.chmod(conf, 0o600)
    conf.write_text(text + "\nlab = yes\n")
    p = subprocess.run([str(n.build / "holdfastd"), "-d", str(n.dir)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
    r.say("lab mode by the configuration file", p.returncode != 0, p.stdout.decode().strip().splitlines()[-1][:100])
end(control, r.all, "misconfiguration")
