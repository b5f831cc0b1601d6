"""receiver: an independent target of notifications and forwarded requests, on python's
http.server, plain or with mutual TLS; what it got stands in `got`, what it says is `script`."""
import http.server, socket, ssl, threading, time

from node import decode


class Got:
    def __init__(self, handler, body):
        self.path, self.body, self.at = handler.path, body, time.time()
        self.headers = {k.lower(): v for k, v in handler.headers.items()}
        self.rqi = self.headers.get("x-m2m-ri")
        self.json = decode(self.headers.get("content-type", ""), body)
        self.sgn = (self.json or {}).get("m2m:sgn", {}) if isinstance(self.json, dict) else {}
        peer = getattr(handler.connection, "getpeercert", lambda: None)()
        self.peer = [v for _, v in (peer or {}).get("subjectAltName", ())]

    def __repr__(self):
        return f"<{self.path} {self.rqi} {self.body[:200]!r}>"


class Receiver:
    """script(got) -> (HTTP status, headers, body), or None: 200 with X-M2M-RSC 2000."""

    def __init__(self, script=None, certificate=None, anchor=None, version="HTTP/1.1", port=0):
        receiver, self.got, self.script = self, [], script
        self.connections, self.open = 0, []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = version

            def setup(self):
                receiver.connections += 1
                receiver.open.append(self.request)
                super().setup()

            def do_POST(self):
                n = int(self.headers.get("Content-Length", 0))
                got = Got(self, self.rfile.read(n))
                receiver.got.append(got)
                said = receiver.script(got) if receiver.script else None
                status, headers, body = said or (200, {"X-M2M-RSC": "2000"}, b"")
                self.send_response(status)
                self.send_header("X-M2M-RI", got.rqi or "")
                for k, v in headers.items():
                    self.send_header(k, v)
                if version == "HTTP/1.1" and not {"Content-Length", "Transfer-Encoding"} & set(headers):
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_DELETE = do_POST

            def log_message(self, *a):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *a):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        if certificate:
            c = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(anchor))
            c.verify_mode = ssl.CERT_REQUIRED
            c.load_cert_chain(*map(str, certificate))
            self.server.socket = c.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)  # how soon close() is seen
        self.thread.start()

    def wait(self, n=1, seconds=30):
        """The first n that came; fails when they do not."""
        end = time.time() + seconds
        while len(self.got) < n and time.time() < end:
            time.sleep(0.01)
        assert len(self.got) >= n, (n, self.got)
        return self.got

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        for s in self.open:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
