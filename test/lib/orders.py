"""orders: signed orders to the keeper, made without our own client: the octets of
src/wire/order.h, signatures by the package cryptography, the administration socket."""
import socket, struct

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

ADMIN_CALL, ADMIN_RESULT = 53, 54
KEY_LIST, CHALLENGE, PREPARE, EXECUTE = 40, 56, 57, 58
KINDS = {"CREATE": 1, "IMPORT": 2, "REPLACE": 3, "ROTATE": 4, "DEPRECATE": 5, "MINIMUM": 6, "DESTROY": 7, "POLICY": 8,
         "ALLOW": 9, "ADD": 10, "REMOVE": 11, "UNDO": 12, "STATE": 18, "REVOKE": 20,
         "BOUND": 17}
OK, MISSING, REFUSED, EXPIRED, TAMPERED, BAD_STATE = 0, 7, 9, 10, 11, 14


def octets(b):
    return struct.pack(">I", len(b)) + b


class Door:
    def __init__(self, node):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(10)
        self.s.connect(str(node.dir / "run/admin.sock"))

    def call(self, operation, fields=b""):
        """(error, result) of an operation of the keeper."""
        body = struct.pack(">H", operation) + fields
        self.s.sendall(struct.pack(">IHHQ", len(body), ADMIN_CALL, 0, 1) + body)
        data = b""
        while len(data) < 16 or len(data) < 16 + struct.unpack(">I", data[:4])[0]:
            more = self.s.recv(65536)
            if not more:
                raise ConnectionError("the door closed")
            data += more
        return data[16], data[17:16 + struct.unpack(">I", data[:4])[0]]

    def close(self):
        self.s.close()


class Person:
    """An administrator whose key is here, of either class."""

    def __init__(self, name, ed=False):
        self.name, self.ed = name.encode(), ed
        self.key = ed25519.Ed25519PrivateKey.generate() if ed else ec.generate_private_key(ec.SECP256R1())
        raw, point = serialization.Encoding.Raw, serialization.Encoding.X962
        self.public = (self.key.public_key().public_bytes(raw, serialization.PublicFormat.Raw) if ed else
                       self.key.public_key().public_bytes(point, serialization.PublicFormat.UncompressedPoint))

    def sign(self, object_):
        text = b"holdfast order\0" + object_
        return self.key.sign(text) if self.ed else self.key.sign(text, ec.ECDSA(hashes.SHA256()))

    def bounded(self, kinds, names, until):
        """The body of ADMINISTRATOR_BOUND; until: seconds since 1970."""
        bits = sum(1 << KINDS[k] for k in kinds)
        return self.added() + struct.pack(">IQB", bits, int(until * 1000), len(names)) + b"".join(octets(n.encode()) for n in names)

    def added(self):
        return octets(self.name) + bytes([2 if self.ed else 1]) + octets(self.public)


def challenge(door):
    """(keeper, sequence, nonce)"""
    import time
    error, r = door.call(CHALLENGE)
    while error == 2:  # so many a second
        time.sleep(0.2)
        error, r = door.call(CHALLENGE)
    assert error == OK, error
    return r[:16], struct.unpack(">Q", r[16:24])[0], r[24:64]


def paper(door, kind, body, now=None):
    keeper, sequence, nonce = now or challenge(door)
    return b"HOLDFORD" + struct.pack(">HH", 1, KINDS[kind]) + keeper + struct.pack(">Q", sequence) + nonce + octets(body)


def prepare(door, object_, signatures):
    """signatures: [(name, signature)]; (error, ticket)"""
    return door.call(PREPARE, octets(object_) + bytes([len(signatures)]) + b"".join(octets(n) + octets(s) for n, s in signatures))


def send(door, object_, signatures, wait=5):
    import time
    error, ticket = prepare(door, object_, signatures)
    while error == 2:  # so many a second
        time.sleep(0.2)
        error, ticket = prepare(door, object_, signatures)
    if error != OK:
        return error, b""
    end = time.time() + wait
    while True:
        error, result = door.call(EXECUTE, ticket)
        if error != BAD_STATE or time.time() > end:
            return error, result
        time.sleep(0.02)


def order(door, kind, body, *persons):
    o = paper(door, kind, body)
    return send(door, o, [(p.name, p.sign(o)) for p in persons])


def keys(door):
    """Names of the keeper's keys."""
    import time
    names, i = [], 0
    while True:
        error, r = door.call(KEY_LIST, struct.pack(">I", i))
        if error == 2:  # so many a second
            time.sleep(0.2)
            continue
        if error != OK:
            return names
        n = struct.unpack(">I", r[1:5])[0]
        names.append(r[5:5 + n].decode())
        i += 1


def policy(roles=0, purposes=0, owner=0xffffffff):
    return struct.pack(">BIBBQqI", roles, purposes, 0, 0, 0, 0, owner)


def administrators(n, anna, bert):
    """Both beside the first one, who adds them with the command; of each only what is public is in a file."""
    for who in (anna, bert):
        f = n.top / ("public-" + who.name.decode())
        f.write_bytes(b"HOLDFADM" + struct.pack(">HBBBB", 1, 1, 15, 8, 1) + bytes(32) + octets(who.name) +
                      bytes([2 if who.ed else 1]) + octets(who.public) + octets(bytes(48)))
        if who is anna:
            n.cli("administrator", "add", f)
            continue
        # by now there are two, and a third takes both: the paper of the first, signed by anna, too
        n.cli("administrator", "add", f, "--order", n.top / "o")
        o = (n.top / "o").read_bytes()
        size, = struct.unpack(">I", o[:4])
        body, rest = o[4:4 + size], o[5 + size:]
        w, = struct.unpack(">I", rest[:4])
        s, = struct.unpack(">I", rest[4 + w:8 + w])
        door = Door(n)
        error, _ = send(door, body, [(rest[4:4 + w], rest[8 + w:8 + w + s]), (anna.name, anna.sign(body))])
        door.close()
        assert error == OK, error
