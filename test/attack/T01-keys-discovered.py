#!/usr/bin/python3
"""T1, T4: long-term keys are discovered in files, core dumps, the memory of gate and core, and by
management commands. The key looked for is a pre-shared key that the device knows."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import os, re, subprocess, time

from attack import Refusals, Twin, encodings, end, scan_files, scan_memory
from node import Node


def dump_core(pid):
    """True when the process leaves a core file or may be attached for one."""
    limit = re.search(r"Max core file size\s+(\S+)", open(f"/proc/{pid}/limits").read()).group(1)
    return limit != "0"


r = Refusals()
with Twin() as t:
    patterns = encodings(t.key)
    t.ask("GET", "/x")
    memory, _ = scan_memory(t.p.pid, patterns)
    files = scan_files(t.top, patterns)
    status, said = t.ask("GET", "/key")
    print(f"control: memory {sorted(memory)}, files {list(files.values())}, management {status}")
    control = "raw" in memory and files and said == {"key": t.key.hex()}

with Node() as n:
    d = n.enrol("d", "Cdev", "device", True, "--identity", "d@demo.example")
    d.register()
    key = bytes.fromhex((d.folder / "psk.key").read_text().strip())
    patterns = encodings(key)
    files = scan_files(n.dir, patterns)
    r.say("read every file of the node", not files, str(files) if files else "")
    r.say("the device's own file holds it (the scan can find)", scan_files(d.folder, patterns))
    for role, pids in n.pids().items():
        for pid in pids:
            found, unread = scan_memory(pid, patterns)
            if role == "keeper":
                print(f"  said     memory of keeper as root: {sorted(found) or 'nothing found'} "
                      "(root against the software provider is not claimed)")
            else:
                r.say(f"memory of {role}, as root", not found and unread < 20, f"{found} unread {unread}" if found else "")
            r.say(f"core dump of {role}", not dump_core(pid))
    found, _ = scan_memory(n.process.pid, patterns)
    r.say("memory of the parent, as root", not found)
    for what in (["key", "export", "psk/d@demo.example"], ["key", "export", "ca"], ["key", "export", "node"]):
        code, text = n.cli(*what, check=False)
        r.say("management: " + " ".join(what), code != 0 and not any(p in text.encode() for p in patterns.values()),
              text.strip().splitlines()[-1])
    text = "".join(n.cli(*what, check=False)[1] for what in
                   (["key", "list"], ["-o", "json", "key", "list"], ["status"], ["credential", "list"], ["audit", "list"]))
    r.say("every listing", not any(p in text.encode() for p in patterns.values()))
    r.say("the log", not any(p in n.log_text().encode() for p in patterns.values()))
end(control, r.all, "keys discovered")
