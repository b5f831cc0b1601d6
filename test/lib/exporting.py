"""exporting: a stock client, `openssl s_client`, that says what its connection exports."""
import re

from node import OpensslClient, PskEntity, read_answer


class Exporting(PskEntity):
    """A stock client that says what its connection exports; by its certificate, or by
    (identity, key)."""

    def __init__(self, entity, label, version="-tls1_3", psk=None, node=None):
        super().__init__(node or entity.node, entity.folder, entity.originator)
        self.label, self.version_, self.exported, self.psk = label, version, None, psk

    def connect(self, timeout=10):
        self.close()
        by = (["-psk_identity", self.psk[0], "-psk", self.psk[1].hex()] if self.psk else
              ["-cert", str(self.folder / "cert.pem"), "-key", str(self.folder / "key.pem"),
               "-CAfile", str(self.node.dir / "node/ca.pem")])
        self.connection = OpensslClient(self.node.port, [*by, self.version_, "-keymatexport", self.label,
                                                         "-keymatexportlen", "48"], quiet=False)
        seen = b""
        while b"Keying material: " not in seen or not seen.split(b"Keying material: ")[1].count(b"\n"):
            more = self.connection.recv(65536)
            if not more:
                raise ConnectionError("no handshake: %r" % seen[-300:])
            seen += more
        self.exported = bytes.fromhex(re.search(rb"Keying material: ([0-9A-F]{96})", seen).group(1).decode())
        return self.connection

    def raw(self, octets):
        if not self.connection:
            self.connect()
        self.connection.sendall(octets)
        data = b""
        while b"HTTP/1.1 " not in data:
            data += self.connection.recv(65536)
        return read_answer(Behind(data[data.index(b"HTTP/1.1 "):], self.connection))


class Behind:
    def __init__(self, first, connection):
        self.first, self.connection = first, connection

    def recv(self, n):
        first, self.first = self.first, b""
        return first or self.connection.recv(n)
