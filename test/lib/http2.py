"""http2: HTTP/2 by hand, so that a test may say what a library would not. Field lists are
written as literals; those of answers are read by libnghttp2 through ctypes, which the command
`nghttp` brings along."""
import ctypes, socket, struct

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 1
END_HEADERS = 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Ended(ConnectionError):
    """The other side ended the connection or the stream; code as it gave it, None without."""

    def __init__(self, what, code=None):
        super().__init__(f"{what} {code}")
        self.code = code


def frame(kind, flags=0, stream=0, body=b""):
    return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body


def text(octets):
    octets = octets if isinstance(octets, bytes) else octets.encode("latin-1")
    n = len(octets)
    if n < 127:
        return bytes([n]) + octets
    head, n = b"\x7f", n - 127
    while n >= 128:
        head, n = head + bytes([n % 128 + 128]), n // 128
    return head + bytes([n]) + octets


def fields(*pairs):
    """Literals without indexing."""
    return b"".join(b"\x00" + text(k) + text(v) for k, v in pairs)


class Nv(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("value", ctypes.c_void_p), ("name_n", ctypes.c_size_t),
                ("value_n", ctypes.c_size_t), ("flags", ctypes.c_uint8)]


class Inflater:
    def __init__(self):
        self.lib = ctypes.CDLL("libnghttp2.so.14")
        self.lib.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
        self.lib.nghttp2_hd_inflate_hd2.argtypes = [ctypes.c_void_p, ctypes.POINTER(Nv), ctypes.POINTER(ctypes.c_int),
                                                    ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
        self.lib.nghttp2_hd_inflate_end_headers.argtypes = [ctypes.c_void_p]
        self.lib.nghttp2_hd_inflate_del.argtypes = [ctypes.c_void_p]
        self.h = ctypes.c_void_p()
        assert self.lib.nghttp2_hd_inflate_new(ctypes.byref(self.h)) == 0

    def __del__(self):
        self.lib.nghttp2_hd_inflate_del(self.h)

    def read(self, block):
        found = []
        while True:
            nv, flags = Nv(), ctypes.c_int()
            n = self.lib.nghttp2_hd_inflate_hd2(self.h, ctypes.byref(nv), ctypes.byref(flags), block, len(block), 1)
            assert n >= 0, "a field list that cannot be read"
            block = block[n:]
            if flags.value & 2:
                found.append((ctypes.string_at(nv.name, nv.name_n).decode(), ctypes.string_at(nv.value, nv.value_n).decode()))
            if flags.value & 1:
                self.lib.nghttp2_hd_inflate_end_headers(self.h)
                return found
            assert n or flags.value & 2


class Connection:
    """On a socket, with or without TLS."""

    def __init__(self, sock, settings=((4, 1 << 24),), greet=True):
        self.sock, self.data, self.next, self.inflater = sock, b"", 1, Inflater()
        self.done = {}   # stream: [fields, body], whole
        self.half = {}
        self.settings = {}
        self.gone = None
        self.windows = {0: 65535}  # octets that may be sent, 0: on all streams together
        if greet:
            self.send(PREFACE + frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *s) for s in settings)) +
                      frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 24)))

    def send(self, octets):
        self.sock.sendall(octets)

    def ask(self, method, path, more=(), body=b"", authority="x"):
        """One request; the number of its stream."""
        stream, self.next = self.next, self.next + 2
        block = fields((":method", method), (":scheme", "https"), (":authority", authority), (":path", path), *more)
        end, first, rest = 0 if body else END_STREAM, block[:16384], block[16384:]
        octets = frame(HEADERS, end | (0 if rest else END_HEADERS), stream, first)
        while rest:
            first, rest = rest[:16384], rest[16384:]
            octets += frame(CONTINUATION, 0 if rest else END_HEADERS, stream, first)
        self.send(octets)
        self.windows[stream] = 65535
        while body and stream not in self.done:
            n = min(self.windows[0], self.windows[stream], 16384)
            if n <= 0:
                self.take()
                continue
            part, body = body[:n], body[n:]
            self.send(frame(DATA, 0 if body else END_STREAM, stream, part))
            self.windows[0] -= n
            self.windows[stream] -= n
        return stream

    def take(self):
        """Read one frame and act on it."""
        while len(self.data) < 9 or len(self.data) < 9 + int.from_bytes(self.data[:3], "big"):
            more = self.sock.recv(65536)
            if not more:
                raise Ended("connection closed", self.gone)
            self.data += more
        n, kind, flags = int.from_bytes(self.data[:3], "big"), self.data[3], self.data[4]
        stream, body = int.from_bytes(self.data[5:9], "big"), self.data[9:9 + n]
        self.data = self.data[9 + n:]
        if kind == SETTINGS and not flags & ACK:
            self.settings.update(struct.unpack(">HI", body[i:i + 6]) for i in range(0, n, 6))
            self.send(frame(SETTINGS, ACK))
        elif kind == PING and not flags & ACK:
            self.send(frame(PING, ACK, 0, body))
        elif kind == GOAWAY:
            self.gone = struct.unpack(">I", body[4:8])[0]
        elif kind == WINDOW_UPDATE:
            self.windows[stream] = self.windows.get(stream, 65535) + struct.unpack(">I", body)[0]
        elif kind == RST_STREAM:
            self.done[stream] = Ended("stream reset", struct.unpack(">I", body)[0])
        elif kind == HEADERS:
            assert flags & END_HEADERS
            self.half[stream] = [self.inflater.read(body), b""]
        elif kind == DATA:
            self.half[stream][1] += body
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self.done[stream] = self.half.pop(stream)
        return kind

    def answer(self, stream):
        """(status, fields, body) of a stream."""
        while stream not in self.done:
            self.take()
        got = self.done.pop(stream)
        if isinstance(got, Ended):
            raise got
        found, body = dict(got[0]), got[1]
        return int(found.pop(":status")), found, body

    def until_end(self, limit=100000):
        """Read to the end of the connection; the code of GOAWAY."""
        try:
            for _ in range(limit):
                self.take()
        except (OSError, ConnectionError):
            return self.gone
        return "lives"


def plain(port, **kw):
    return Connection(socket.create_connection(("127.0.0.1", port), 10), **kw)


def floods(more):
    """(name, octets) behind the greeting that no peer needs; `more`: fields of a request."""
    ping, rst = frame(PING, 0, 0, b"12345678"), struct.pack(">I", 8)
    block = fields((":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/cse-in"), *more)
    reset = b"".join(frame(HEADERS, 5, 2 * i + 1, block) + frame(RST_STREAM, 0, 2 * i + 1, rst) for i in range(2000))
    pieces = frame(HEADERS, 1, 1, block) + b"".join(frame(CONTINUATION, 0, 1, fields(("x", "y"))) for _ in range(3000))
    yield "rapid reset", reset
    yield "settings", frame(SETTINGS, 0, 0, struct.pack(">HI", 3, 100)) * 5000
    yield "ping", ping * 5000
    yield "continuation", pieces
    yield "empty continuation", frame(HEADERS, 1, 1, block) + frame(CONTINUATION, 0, 1) * 5000
    yield "window update", frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)) * 5000
    yield "priority", b"".join(frame(PRIORITY, 0, 2 * i + 1, b"\0\0\0\0\x10") for i in range(5000))
    yield "empty data", frame(HEADERS, 4, 1, block) + frame(DATA, 0, 1) * 5000
    yield "unknown frames", frame(77, 0, 0, b"abc") * 30000
    yield "frame too large", b"\xff\xff\xff\x00\x00\x00\x00\x00\x01" + b"a" * 100000
    yield "octets of chance", bytes(range(256)) * 100
    yield "field table of 4 GB", frame(SETTINGS, 0, 0, struct.pack(">HI", 1, 0xffffffff)) + frame(HEADERS, 5, 1, b"\x3f\xff\xff\xff\x7f" + block)
    yield "field bomb", frame(HEADERS, 5, 1, block + b"\x40" + text("a" * 60) + text("b" * 3900) + b"\xbe" * 12000)
