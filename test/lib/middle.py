"""middle: somebody between client and node who can change, leave out and repeat what passes."""
import socket, threading

APPLICATION, HANDSHAKE = 23, 22


class Middle:
    """A proxy: act(side, kind, number, record) -> records that go on in its place. side: 0 from the client; kind: the type
    of the record, numbered by side and type."""

    def __init__(self, port, act, tls=True):
        self.to, self.act, self.tls, self.seen = port, act, tls, b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                a, _ = self.listener.accept()
            except OSError:
                return
            self.between(a, socket.create_connection(("127.0.0.1", self.to)))
            del a

    def between(self, a, b):
        for side, x, y in ((0, a, b), (1, b, a)):
            threading.Thread(target=self.carry, args=(side, x, y), daemon=True).start()

    def records(self, s):
        data = b""
        while True:
            more = s.recv(65536)
            if not more:
                return
            self.seen += more
            data += more
            if not self.tls:
                yield APPLICATION, data
                data = b""
            while self.tls and len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[3:5], "big"):
                n = 5 + int.from_bytes(data[3:5], "big")
                yield data[0], data[:n]
                data = data[n:]

    def carry(self, side, x, y):
        numbers = {}
        try:
            for kind, record in self.records(x):
                number = numbers[kind] = numbers.get(kind, -1) + 1
                for r in self.act(side, kind, number, record):
                    y.sendall(r)
        except OSError:
            pass
        for s in (x, y):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # who waits there wakes up
        self.listener.close()
