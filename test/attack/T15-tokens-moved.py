#!/usr/bin/python3
"""T15: a token, or the key records that name it, are carried to another node.

Control: a token whose PIN lies in a file beside it; who has both signs with its keys. Target: the PIN is
sealed by the keeper, or the keys are wrapped by a TPM: neither token nor records nor TPM are of use
without the others."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import os, socket, ssl, subprocess, tempfile, time

from attack import Refusals, end
from machine import come_home, start_elsewhere
from node import NAME, Node
from tokens import MODULE, SoftHsm, Swtpm


def signs(token, pin):
    """A stock tool signs with a key of the token."""
    with tempfile.TemporaryDirectory() as top:
        given = pathlib.Path(top) / "in"
        given.write_bytes(os.urandom(32))
        base = ["pkcs11-tool", "--module", MODULE, "--token-label", token.label, "--login", "--pin", pin]
        listed = subprocess.run([*base, "--list-objects", "--type", "privkey"], env=token.env(), capture_output=True, text=True)
        ids = [l.split()[1] for l in listed.stdout.splitlines() if l.strip().startswith("ID:")]
        return any(subprocess.run([*base, "--sign", "--mechanism", "ECDSA", "--id", i, "-i", given, "-o", f"{top}/out"],
                                  env=token.env(), capture_output=True).returncode == 0 for i in ids)


def handshakes(node):
    c = ssl.create_default_context(cafile=str(node.dir / "node/ca.pem"))
    try:
        with socket.create_connection(("127.0.0.1", node.port), 5) as raw, c.wrap_socket(raw, server_hostname=NAME):
            return True
    except OSError:
        return False


def elsewhere(node):
    """Folder, passphrase and token together, on a machine with another identity: what its state says."""
    start_elsewhere(node)
    said, stop = "", time.time() + 8
    while time.time() < stop and "because" not in said:
        time.sleep(0.1)
        said = node.cli("status", check=False)[1]
    used = handshakes(node) or node.cli("key", "list", check=False)[0] == 0
    node.stop()
    come_home()
    return "another machine" in said and not used


def with_token(node, old, new):
    """The node's records, and another token in its configuration."""
    conf = node.dir / "holdfast.conf"
    conf.write_text(conf.read_text().replace(old.uri(), new.uri()))
    node.start()
    served = handshakes(node)
    node.stop()
    conf.write_text(conf.read_text().replace(new.uri(), old.uri()))
    return served


r = Refusals()
with SoftHsm() as t, Node(init=t.init_args()) as n:
    n.stop()
    control = signs(t, t.pin.read_text())
    print(f"control: the token and the file with its PIN: {'a signature by the key of the node' if control else 'nothing'}")

with SoftHsm(sealed=True) as t, Node(init=t.init_args()) as n:
    r.say("the node itself is served (its token opens)", handshakes(n))
    n.stop()
    r.say("the token and the PIN that it once had", not signs(t, t.pin.read_text()))
    try:
        with Node(init=["--token", t.uri()], start=False):
            r.say("the token in the hands of another node", False)
    except RuntimeError as e:
        r.say("the token in the hands of another node", "wrong PIN" in str(e))
    r.say("folder, passphrase and token, on another machine", elsewhere(n))
    with SoftHsm() as other:
        r.say("the records, and another token", not with_token(n, t, other))
    n.start()
    r.say("the token is in order after all this (the node is served)", handshakes(n))
    n.stop()

with Swtpm() as t, Node(init=t.init_args()) as n, Swtpm() as other:
    r.say("the node itself is served (its TPM opens)", handshakes(n))
    n.stop()
    r.say("folder, passphrase and TPM, on another machine", elsewhere(n))
    r.say("the records, and another TPM", not with_token(n, t, other))
    n.start()
    r.say("the TPM is in order after all this (the node is served)", handshakes(n))
    n.stop()

with Swtpm(pcrs="16,23") as t, Node(init=t.init_args()) as n:
    r.say("the node itself is served (in its measured state)", handshakes(n))
    n.stop()
    t.tool("tpm2_pcrextend", "23:sha256=" + "5a" * 32)
    n.start()
    r.say("disk and TPM, started with other software", not handshakes(n))
    n.stop()
end(control, r.all, "tokens moved")
