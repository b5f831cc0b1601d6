"""program: a program of some user at the socket for programs, speaking raw messages.

Independent of the PKCS#11 module: what it sends may be wrong."""
import os, socket, struct

ASK, ANSWER = 55, 56
KEYS, SIGN, AGREE, SEAL, UNSEAL, WRAP, RANDOM = 50, 51, 52, 53, 54, 55, 63
FOR_SIGN, FOR_DIGEST, FOR_AGREE, FOR_SEAL = 5, 6, 7, 8
OK, LIMIT, SYNTAX, MISSING, REFUSED, TAMPERED = 0, 2, 3, 7, 9, 11


def octets(b):
    b = b.encode() if isinstance(b, str) else b
    return struct.pack(">I", len(b)) + b


class Program:
    def __init__(self, path, user, timeout=10):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(timeout)
        mine = os.geteuid()
        if mine != user:
            os.seteuid(user)  # the kernel notes who connects
        try:
            self.s.connect(str(path))
        finally:
            if mine != user:
                os.seteuid(mine)
        self.ref = 0

    def send(self, body, kind=ASK):
        self.ref += 1
        self.s.sendall(struct.pack(">IHHQ", len(body), kind, 0, self.ref) + body)

    def read(self):
        head = self.exactly(16)
        n, kind, _, ref = struct.unpack(">IHHQ", head)
        return kind, ref, self.exactly(n)

    def exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.s.recv(n - len(data))
            if not more:
                raise ConnectionError("closed")
            data += more
        return data

    def ask(self, op, fields=b""):
        """(error number, rest)"""
        self.send(struct.pack(">H", op) + fields)
        kind, ref, body = self.read()
        assert (kind, ref) == (ANSWER, self.ref), (kind, ref)
        return body[0], body[1:]

    def keys(self):
        """name -> (class, purpose, public key)"""
        found, at = {}, 0
        while True:
            err, body = self.ask(KEYS, struct.pack(">I", at))
            assert err == OK, err
            at, rows = struct.unpack(">II", body[:8])
            body = body[8:]
            for _ in range(rows):
                n, = struct.unpack(">I", body[:4])
                name, body = body[4:4 + n].decode(), body[4 + n:]
                kind, purpose, n = struct.unpack(">BBI", body[:6])
                found[name] = kind, purpose, body[6:6 + n]
                body = body[6 + n:]
            assert body == b""
            if at == 0:
                return found

    def sign(self, name, purpose, data):
        return self.ask(SIGN, octets(name) + bytes([purpose]) + octets(data))

    def agree(self, name, point):
        return self.ask(AGREE, octets(name) + octets(point))

    def seal(self, name, more, plain, wrapped=None):
        return self.ask(SEAL, octets(name) + octets(more) + octets(plain) + (octets(wrapped) if wrapped else b""))

    def wrap(self, name):
        return self.ask(WRAP, octets(name))

    def unseal(self, name, more, sealed, wrapped=None):
        return self.ask(UNSEAL, octets(name) + octets(more) + octets(sealed) + (octets(wrapped) if wrapped else b""))

    def close(self):
        self.s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
