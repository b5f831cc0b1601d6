"""stock: two listeners of one stock TLS server that demands a certificate and gives stateless tickets, as load balancers
do. What is revoked it learns from a list (CRL), for whole handshakes. The control of attacks by who was revoked."""
import socket, ssl, threading


class StockServers:
    def __init__(self, n, server):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(server.folder / "cert.pem", server.folder / "key.pem")
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.load_verify_locations(n.dir / "node/ca.pem")
        self.sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.ports = [s.getsockname()[1] for s in self.sockets]
        for s in self.sockets:
            threading.Thread(target=self.listen, args=(s,), daemon=True).start()

    def listen(self, listener):
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(raw,), daemon=True).start()

    def serve(self, raw):
        try:
            with self.context.wrap_socket(raw, server_side=True) as s:
                while s.recv(10000):
                    s.sendall(b"HTTP/1.1 200 OK\r\nX-M2M-RSC: 2001\r\nContent-Length: 2\r\n\r\nhi")
        except OSError:
            pass

    def revoke(self, path):
        self.context.load_verify_locations(path)
        self.context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF

    def close(self):
        for s in self.sockets:
            s.close()
