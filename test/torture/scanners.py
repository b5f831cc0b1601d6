#!/usr/bin/python3
"""scanners: testssl.sh against the gate; what it finds is what test/vectors/tls-findings.tsv holds. The short form looks at
versions and two known faults (20 seconds), the long one at everything but the certificate's chain, also where strangers are welcome (two minutes)."""
import json, os, pathlib, subprocess, sys, tempfile
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import findings
from node import Node

SHORT = ["-p", "-H"]
LONG = ["-p", "-s", "-f", "-H", "-I", "-BB", "-R", "-C", "-O", "-Z", "-W", "-F", "-J", "-D", "-A", "-L", "-4"]
long = bool(os.environ.get("TORTURE_LONG"))


def scan(n, out):
    subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1", "--connect-timeout", "5",
                    "--openssl-timeout", "5", "--jsonfile", str(out), *(LONG if long else SHORT), f"{n.name}:{n.port}"],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
    return [(r["id"], r["finding"].strip()) for r in json.loads(out.read_text()) if r["id"] not in ("scanTime", "pre_128cipher")]  # the tool's own


wrong = []
# as it is made, and with all that makes strangers welcome: joining, keys from elsewhere, sessions
doors = [""] + ["join.enabled = yes\nsession.time = 600\ntrust.keys = in-cse.demo.example=here\nnetwork.gba = bsf.example 127.0.0.1:9"] * long
for options in doors:
    with Node(options=options) as n, tempfile.TemporaryDirectory() as top:
        found = scan(n, pathlib.Path(top) / "findings.json")
    wrong += findings.differences("testssl", found, whole=long)
    # what was looked at was found: an empty result is no good one
    wrong += [f"missing: {x}" for x in ("SSLv3", "TLS1", "TLS1_1", "TLS1_3", "heartbleed") if x not in {f[0] for f in found}]
print("\n".join(wrong) or f"testssl.sh: {len(found)} findings, each on the list")
sys.exit(bool(wrong))
