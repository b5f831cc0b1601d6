"""tls: a TLS client in this process, on the system's OpenSSL by ctypes, that takes words of `openssl s_client` and may have
a pre-shared key, which python's ssl cannot. As careless as s_client: it looks at no certificate."""
import ctypes, socket, struct

ssl, crypto = ctypes.CDLL("libssl.so.3"), ctypes.CDLL("libcrypto.so.3")
P, S, I, L = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_long
for name, answer, *takes in [
        ("TLS_client_method", P), ("SSL_CTX_new", P, P), ("SSL_CTX_free", None, P), ("SSL_CTX_ctrl", L, P, I, L, P), ("SSL_new", P, P),
        ("SSL_free", None, P), ("SSL_CTX_set_cipher_list", I, P, S), ("SSL_CTX_set_options", ctypes.c_uint64, P, ctypes.c_uint64),
        ("SSL_CTX_use_certificate_chain_file", I, P, S), ("SSL_CTX_use_PrivateKey_file", I, P, S, I), ("SSL_CTX_set_psk_client_callback", None, P, P),
        ("SSL_CTX_set_alpn_protos", I, P, S, ctypes.c_uint), ("SSL_ctrl", L, P, I, L, P), ("SSL_set_fd", I, P, I), ("SSL_connect", I, P),
        ("SSL_read", I, P, P, I), ("SSL_write", I, P, S, I), ("SSL_pending", I, P), ("SSL_get_error", I, P, I)]:
    f = getattr(ssl, name)
    f.restype, f.argtypes = answer, takes
crypto.ERR_clear_error.restype = None
PskCallback = ctypes.CFUNCTYPE(ctypes.c_uint, P, P, P, ctypes.c_uint, P, ctypes.c_uint)
VERSIONS = {"-tls1": 0x301, "-tls1_1": 0x302, "-tls1_2": 0x303, "-tls1_3": 0x304}
SET_MIN, SET_MAX, HOSTNAME, NO_EMS, PEM, WANT_READ, ZERO_RETURN = 123, 124, 55, 1, 1, 2, 6


def options(words):
    """{word: what follows it}; a version alone by its number."""
    found, words = {}, [str(w) for w in words]
    while words:
        word = words.pop(0)
        if word in VERSIONS:
            found["version"] = VERSIONS[word]
        else:
            found[word] = True if word == "-no_ems" else words.pop(0)
    return found


class TlsClient:
    """Connected, or OSError. words: -psk_identity -psk (hex) -cert -key -cipher -alpn -bind -no_ems, and a version."""

    def __init__(self, port, words=(), name=None, timeout=10):
        self.context = self.ssl = self.sock = None
        try:
            o = options(words)
            source = o.get("-bind", ":0").rpartition(":")
            self.sock = socket.create_connection(("127.0.0.1", port), timeout, (source[0], int(source[2])))
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock.setblocking(True)  # OpenSSL reads the descriptor; the kernel keeps the time
            for way in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                self.sock.setsockopt(socket.SOL_SOCKET, way, struct.pack("ll", int(timeout), 0))
            self.prepare(o, name)
            self.check(ssl.SSL_connect(self.ssl), "no handshake")
        except BaseException:
            self.close()
            raise

    def prepare(self, o, name):
        c = self.context = ssl.SSL_CTX_new(ssl.TLS_client_method())
        if "version" in o:
            ssl.SSL_CTX_ctrl(c, SET_MIN, o["version"], None)
            ssl.SSL_CTX_ctrl(c, SET_MAX, o["version"], None)
        if "-cipher" in o and not ssl.SSL_CTX_set_cipher_list(c, o["-cipher"].encode()):
            raise RuntimeError("no cipher match: " + o["-cipher"])
        if "-no_ems" in o:
            ssl.SSL_CTX_set_options(c, NO_EMS)
        if "-alpn" in o:
            ssl.SSL_CTX_set_alpn_protos(c, bytes([len(o["-alpn"])]) + o["-alpn"].encode(), len(o["-alpn"]) + 1)
        if "-cert" in o:
            assert ssl.SSL_CTX_use_certificate_chain_file(c, o["-cert"].encode())
            assert ssl.SSL_CTX_use_PrivateKey_file(c, o.get("-key", o["-cert"]).encode(), PEM)
        if "-psk" in o:
            identity, key = o["-psk_identity"].encode() + b"\0", bytes.fromhex(o["-psk"])

            def give(_, hint, identity_at, identity_room, key_at, key_room):
                if len(identity) > identity_room or len(key) > key_room:
                    return 0
                ctypes.memmove(identity_at, identity, len(identity))
                ctypes.memmove(key_at, key, len(key))
                return len(key)
            self.give = PskCallback(give)  # as long as the context lives
            ssl.SSL_CTX_set_psk_client_callback(c, ctypes.cast(self.give, P))
        self.ssl = ssl.SSL_new(c)
        if name:
            ssl.SSL_ctrl(self.ssl, HOSTNAME, 0, ctypes.cast(ctypes.c_char_p(name.encode()), P))
        ssl.SSL_set_fd(self.ssl, self.sock.fileno())

    def check(self, n, what):
        if n > 0:
            return n
        why = ssl.SSL_get_error(self.ssl, n)
        crypto.ERR_clear_error()
        if why == ZERO_RETURN:
            return 0
        raise socket.timeout(what) if why == WANT_READ else ConnectionError(f"{what}: {why}")

    def sendall(self, octets):
        if not self.ssl:
            raise OSError("closed")
        if octets:
            self.check(ssl.SSL_write(self.ssl, octets, len(octets)), "not written")

    def recv(self, n):
        if not self.ssl:
            raise OSError("closed")
        room = ctypes.create_string_buffer(n)
        got = self.check(ssl.SSL_read(self.ssl, room, n), "not read")
        return room.raw[:got]

    def pending(self):
        return ssl.SSL_pending(self.ssl)

    def fileno(self):
        return self.sock.fileno()

    def settimeout(self, seconds):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(seconds), int(seconds % 1 * 1000000)))

    def close(self):
        """Without a close_notify, as a process that is ended."""
        if self.ssl:
            ssl.SSL_free(self.ssl)
        if self.context:
            ssl.SSL_CTX_free(self.context)
        self.ssl = self.context = None
        crypto.ERR_clear_error()
        if self.sock:
            self.sock.close()
