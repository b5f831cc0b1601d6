#!/usr/bin/python3
"""T2, T3, T5, T20 where the keys lie on a token or in a TPM: they are deleted and replaced by commands, in the
key store that names them, on the token itself by who has it and its PIN; the token is taken away; what is on
disk is read and used without it.

Control: keys on the same kind of token as a careless program has them: who has the PIN deletes them, and puts
others in their place, and the program serves on with those."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import os, shutil, socket, ssl, subprocess

from attack import Refusals, attempt, encodings, end, is_success, scan_files
from node import NAME, Node
from orders import Door, Person, keys, octets, order, OK
from tokens import MODULE, SoftHsm, Swtpm, give
from waiting import in_time, until

r = Refusals()


def tool(token, *argv, check=True):
    return subprocess.run(["pkcs11-tool", "--module", MODULE, "--token-label", token.label, "--login", "--pin", token.pin.read_text(),
                           *map(str, argv)], env=token.env(), check=check, capture_output=True, text=True)


def private(token):
    return [l.split()[1] for l in tool(token, "--list-objects", "--type", "privkey").stdout.splitlines() if l.strip().startswith("ID:")]


def replace(token, ids):
    """Every pair of the token by another of the same identifier and label."""
    for i in ids:
        for kind in ("privkey", "pubkey"):
            tool(token, "--delete-object", "--type", kind, "--id", i)
        tool(token, "--keypairgen", "--key-type", "EC:prime256v1", "--id", i, "--label", "holdfast", "--usage-sign", "--usage-derive")
    give(token.folder)


def restore(token):
    """As it was before the thief."""
    shutil.rmtree(token.folder)
    shutil.copytree(token.top / "kept", token.folder)
    give(token.folder)


def brought(token, i):
    """One pair by another, made elsewhere and written to the token."""
    pem, der = token.top / "brought.pem", token.top / "brought.der"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", pem], check=True, capture_output=True)
    subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", pem, "-outform", "DER", "-out", der], check=True, capture_output=True)
    tool(token, "--delete-object", "--type", "privkey", "--id", i)
    tool(token, "--write-object", der, "--type", "privkey", "--id", i, "--label", "holdfast", "--usage-sign")
    give(token.folder)


def signs(token, i):
    given = token.top / "in"
    given.write_bytes(os.urandom(32))
    return tool(token, "--sign", "--mechanism", "ECDSA", "--id", i, "-i", given, "-o", token.top / "out", check=False).returncode == 0


def handshakes(node):
    """Whole ones, with who holds the key of the node's certificate."""
    c = ssl.create_default_context(cafile=str(node.dir / "node/ca.pem"))
    try:
        with socket.create_connection(("127.0.0.1", node.port), 2) as raw, c.wrap_socket(raw, server_hostname=NAME):
            return True
    except OSError:
        return False


def enrols(node, name):
    """A certificate that the node's CA, as everybody knows it, has signed."""
    code, _ = node.cli("enrol", "device", name, "--id", "C" + name, "--out", node.top / ("p-" + name), check=False)
    cert = node.top / ("p-" + name) / "cert.pem"
    return code == 0 and cert.exists() and subprocess.run(["openssl", "verify", "-CAfile", node.dir / "node/ca.pem", cert],
                                                          capture_output=True).returncode == 0


def locked(node, change):
    """Stopped, the key store changed, started: it does nothing with keys. Put back afterwards."""
    node.stop()
    files = {f: f.read_bytes() for f in (node.dir / "keeper").iterdir()}
    change(node.dir / "keeper")
    node.spawn()
    said = in_time(lambda: "locked because" in node.cli("status", check=False)[1], 6)
    served = handshakes(node)
    node.stop()
    for f, data in files.items():
        f.write_bytes(data)
    return said and not served


def overwrite(path, data):
    with open(path, "r+b") as f:
        f.write(data)
        f.truncate()


def by_orders(kind, node):
    """T2, T3: what one administrator, nobody, and a captured core may order."""
    door, anna, eve = Door(node), Person("anna"), Person("eve")
    name = octets(b"user/there")
    for what, error in (("DESTROY of a key on it through the door", door.call(28, name)[0]),
                        ("an order to destroy it that nobody signed", order(door, "DESTROY", name)[0]),
                        ("the same, signed by somebody who is no administrator", order(door, "DESTROY", name, eve)[0]),
                        ("an order to put another key in its place, unsigned", order(door, "REPLACE", name + octets(bytes(113)) + octets(b""))[0])):
        r.say(f"{kind}: {what}", error != OK and "user/there" in keys(door))
    door.close()
    code, _ = node.cli("key", "destroy", "user/there", check=False)
    r.say(f"{kind}: one administrator alone orders its destruction", code == 1)
    r.say(f"{kind}: it signs after all this (it is there)", node.cli("key", "sign", "there", "text", check=False)[0] == 0)
    code, _ = node.cli("enrol", "device", "again", "--id", "Cdev", "--psk", "--identity", "d@demo.example", "--out", node.top / "again", check=False)
    r.say(f"{kind}: a second key for a device that has one on it", code != 0)


def by_files(kind, node):
    """T3: the records that name the keys."""
    store = (node.dir / "keeper/keystore").read_bytes()
    r.say(f"{kind}: an older copy of the records", locked(node, lambda f: overwrite(f / "keystore", node.old)))
    at = len(store) * 2 // 3  # where the references are
    changed = bytearray(store)
    changed[at] ^= 1
    r.say(f"{kind}: one octet of the records changed at {at}", locked(node, lambda f: overwrite(f / "keystore", changed)))
    node.start()
    r.say(f"{kind}: put right again, it is served (the check can tell)", handshakes(node))


def away(kind, token, node, device, key):
    """T5, T20: without the token; what is on disk is not the keys, and nothing is done as if it were."""
    token.remove()
    r.say(f"{kind}: the token is taken away: no handshake, and said", in_time(lambda: not handshakes(node)) and
          until(lambda: "token.1 is away" in node.cli("doctor", check=False)[1]))
    code, _ = node.cli("key", "sign", "there", "text", check=False)
    r.say(f"{kind}: nothing is signed by a key that is not there", code == 1)
    r.say(f"{kind}: nobody is enrolled meanwhile", not enrols(node, "meanwhile"))
    r.say(f"{kind}: and the rest goes on", node.cli("status", check=False)[0] == 0 and node.cli("audit", "list", check=False)[0] == 0)
    found = scan_files(node.dir, encodings(key))
    r.say(f"{kind}: a device's key in any file of the node", not found, str(found) if found else "")
    token.put_back()
    r.say(f"{kind}: it is back: served, without a restart", in_time(lambda: is_success(attempt(device, lambda: device.retrieve("/cse-in/ae-Cdev"))), 20))
    device.close()


def on_the_token(token, node):
    """T2, T3 by who has the token and its PIN: others in the place of the keys, then none."""
    ids = private(token)
    node.stop()
    shutil.copytree(token.folder, token.top / "kept")
    replace(token, ids)
    r.say("pkcs11: the thief's keys are on the token (he signs by one)", signs(token, ids[0]))
    node.start()
    r.say("pkcs11: another key in place of the node's: no peer takes it for the node", not handshakes(node))
    r.say("pkcs11: another key in place of the CA's: nothing that it signs counts", not enrols(node, "alien"))
    r.say("pkcs11: and the node runs on", node.cli("status", check=False)[0] == 0)
    node.stop()
    restore(token)
    brought(token, ids[-1])
    node.start()
    r.say("pkcs11: a key that was made elsewhere, in place of one of several: said, by the token's own word",
          until(lambda: "was made elsewhere" in node.cli("doctor", check=False)[1]))
    node.stop()
    restore(token)
    tool(token, "--delete-object", "--type", "privkey", "--id", ids[-1])
    give(token.folder)
    node.start()
    r.say("pkcs11: one of several keys deleted: said", in_time(lambda: "does not hold the keys of this node" in node.cli("doctor", check=False)[1]))
    node.stop()
    for i in ids[:-1]:
        tool(token, "--delete-object", "--type", "privkey", "--id", i)
    give(token.folder)
    node.start()
    r.say("pkcs11: its keys deleted on the token: no handshake, and said", not handshakes(node) and "not on the token" in node.log_text() and
          until(lambda: "does not hold the keys of this node" in node.cli("doctor", check=False)[1]))
    node.stop()
    restore(token)
    node.start()
    r.say("pkcs11: put back from a copy of the token, it is served", handshakes(node))
    node.stop()


def in_the_tpm(token, node):
    """T2 by who has the machine: the hierarchy that wrapped the keys is cleared."""
    node.stop()
    token.tool("tpm2_clear", "-c", "p")
    node.start()
    r.say("tpm: cleared: no handshake, and said", not handshakes(node) and
          until(lambda: "does not hold the keys of this node" in node.cli("doctor", check=False)[1]))
    r.say("tpm: nothing is signed by keys of a hierarchy that is gone", node.cli("key", "sign", "there", "text", check=False)[0] == 1)
    r.say("tpm: and the node runs on", node.cli("status", check=False)[0] == 0)
    node.stop()


with SoftHsm() as t:
    tool(t, "--keypairgen", "--key-type", "EC:prime256v1", "--id", "01", "--label", "careless", "--usage-sign")
    before = signs(t, "01")
    replace(t, ["01"])
    replaced = signs(t, "01")
    tool(t, "--delete-object", "--type", "privkey", "--id", "01")
    control = before and replaced and not signs(t, "01")
    print(f"control: who has the PIN replaced the key, the program signed by the other ({replaced}), then deleted it")

for make in (SoftHsm, Swtpm):
    with make() as token, Node(init=token.init_args()) as n:
        n.old = (n.dir / "keeper/keystore").read_bytes()
        n.cli("key", "create", "there", "--provider", "token.1")
        device = n.enrol("d", "Cdev", "device", True, "--identity", "d@demo.example")
        assert device.register().rsc == 2001
        device.close()
        key = bytes.fromhex((device.folder / "psk.key").read_text().strip())
        by_orders(token.kind, n)
        by_files(token.kind, n)
        away(token.kind, token, n, device, key)
        on_the_token(token, n) if make is SoftHsm else in_the_tpm(token, n)
end(control, r.all, "keys on tokens deleted or replaced")
