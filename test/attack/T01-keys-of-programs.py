#!/usr/bin/python3
"""T1, T4, T6: a program takes the keys of programs: reads, wraps, copies or unlocks a private key
through the PKCS#11 library, uses the key or the handle of another program, of another user, of
another purpose, or a key of the node. Control: a token with extractable keys whose PIN is known."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import json, os, shutil, socket, struct, subprocess, tempfile

from attack import Refusals, end
from node import BUILD, Node
from program import *

ALICE, BOB = 64101, 64102
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
LIB = pathlib.Path(__file__).resolve().parents[1] / "lib"


def thief(top, library, user, env, pin=()):
    shutil.copy2(LIB / "thief.py", top / "thief.py")
    p = subprocess.run(["/usr/bin/python3", str(top / "thief.py"), str(library), *pin], capture_output=True, user=user,
                       group=user, extra_groups=[], cwd="/", env={"PATH": "/usr/bin:/bin", **env}, timeout=60)
    if p.returncode:
        raise RuntimeError(p.stderr.decode())
    return json.loads(p.stdout)


def on_control():
    """The same thief against a token that lets its keys go, as another user."""
    with tempfile.TemporaryDirectory() as top:
        top = pathlib.Path(top)
        os.chmod(top, 0o755)
        (top / "tokens").mkdir()
        (top / "conf").write_text(f"directories.tokendir = {top}/tokens\nlog.level = ERROR\n")
        env = {"SOFTHSM2_CONF": str(top / "conf"), "PATH": "/usr/bin:/bin"}
        tool = ["pkcs11-tool", "--module", SOFTHSM]
        for argv in (["softhsm2-util", "--init-token", "--free", "--label", "t", "--pin", "1234", "--so-pin", "1234"],
                     [*tool, "-l", "--pin", "1234", "--keypairgen", "--key-type", "EC:prime256v1", "--label", "k", "--id", "01",
                      "--extractable"]):
            subprocess.run(argv, env=env, check=True, capture_output=True)
        subprocess.run(["chown", "-R", str(BOB), str(top / "tokens")], check=True)  # the files are all there is
        got = thief(top, SOFTHSM, BOB, env, ("1234",))
        print(f"control: {got}")
        return got["keys"] == 1 and (got["wrapped"] or got["values"] or got["copied"]) and bool(got["signed"])


r = Refusals()
control = on_control()
with Node(start=False) as n:
    path = n.top / "programs.sock"
    with open(n.dir / "holdfast.conf", "a") as f:
        f.write(f"door.programs = {path}\n")
    n.start()
    for name, user, *more in (("tls", ALICE, "--purpose", "digest"), ("dh", ALICE, "--purpose", "agree"), ("doc", ALICE)):
        n.cli("key", "generate", f"app/{name}", "--user", user, *more)
    library = n.top / "libholdfast-pkcs11.so"
    shutil.copy2(BUILD / library.name, library)
    env = {"HOLDFAST_PROGRAMS": str(path), "HOLDFAST_ED25519": "yes"}

    own = thief(n.top, library, ALICE, env)
    r.say("own keys, read", own["values"] == 0 and own["keys"] == 3, str(own))
    r.say("own keys, wrapped", own["wrapped"] == 0)
    r.say("own keys, copied as extractable", own["copied"] == 0)
    r.say("own keys, declared extractable", own["unlocked"] == 0)
    r.say("  its own two that sign (are used)", len(own["signed"]) == 2, str(own["signed"]))
    for who in (BOB, 0):
        other = thief(n.top, library, who, env)
        r.say(f"another user's keys and handles, by user {who}",
              other["keys"] == 0 and not other["signed"] and not other["before_find"], str(other))

    with Program(path, BOB) as p:
        for name in (f"app/{ALICE}/tls", f"app/{ALICE}/doc", "node", "ca", "audit", "root", f"app/{BOB}/../{ALICE}/tls"):
            for purpose in (FOR_SIGN, FOR_DIGEST, FOR_AGREE, 4):
                err, _ = p.sign(name, purpose, bytes(32))
                r.all &= err in (REFUSED, MISSING) or r.say(f"{name} for {purpose}", False)
        r.say("names of others and of the node, for any purpose", True)
        r.say("agreement with another's key", p.agree(f"app/{ALICE}/dh", bytes([4]) + bytes(64))[0] == REFUSED)
        fell = [op for op in range(64) if op not in (KEYS, SIGN, AGREE) and p.ask(op, octets(f"app/{ALICE}/tls"))[0] == OK]
        r.say("operations that are not for programs (sign by handle, destroy, export...)", fell == [], str(fell))
    with Program(path, ALICE) as p:
        r.say("a key for documents signs a digest", p.sign(f"app/{ALICE}/doc", FOR_DIGEST, bytes(32))[0] == REFUSED)
        r.say("a key for digests agrees", p.agree(f"app/{ALICE}/tls", bytes([4]) + bytes(64))[0] == REFUSED)
    for kind, to in ((50, "administration"), (53, "an operation of the keeper"), (44, "the door's own message"), (40, "a call")):
        with Program(path, 0) as p:
            p.send(struct.pack(">H", 12) + octets("x") + octets("y"), kind)
            try:
                p.read()
                closed = False
            except OSError:
                closed = True
            r.say(f"{to} through the programs' socket, as root", closed)
    s = socket.socket(socket.AF_UNIX)
    os.seteuid(ALICE)
    try:
        s.connect(str(n.dir / "run/admin.sock"))
        entered = True
    except OSError:
        entered = False
    os.seteuid(0)
    r.say("the administration socket, as a program's user", not entered)
    text = json.dumps(n.audit())
    r.say("each kind of refusal is on record, with the user", f"app/{ALICE}/tls user {BOB}" in text and f"node user {BOB}" in text)
end(control, r.all, "keys of programs")
