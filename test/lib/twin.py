"""twin: the unprotected control of the attack programs.

A server of named values over plain HTTP: listens on all interfaces, keeps a key in a world
readable file and in memory, data in clear in SQLite with SQL built from strings, trusts the
originator's name, repeats whatever is repeated, logs what it is sent. Never part of Holdfast."""
import http.server, json, os, pathlib, sqlite3, sys, threading

port, top = int(sys.argv[1]), pathlib.Path(sys.argv[2])
key = os.urandom(32)
(top / "key").write_bytes(key)
os.chmod(top / "key", 0o644)
db = sqlite3.connect(str(top / "data.db"), check_same_thread=False)
db.executescript("CREATE TABLE item(n INTEGER PRIMARY KEY, owner TEXT, path TEXT, value TEXT);"
                 "CREATE TABLE secret(value TEXT); INSERT INTO secret VALUES('the twin''s secret');")
lock = threading.Lock()
log = open(top / "log", "a", buffering=1)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, code, value):
        text = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(text)

    def handle_one(self):
        n = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(n).decode() if n else ""
        origin = self.headers.get("X-M2M-Origin", "")
        log.write(f"{self.command} {self.path} from {origin} {self.headers.get('X-M2M-RI')}\n")
        with lock:
            try:
                if self.command == "POST":
                    db.execute(f"INSERT INTO item(owner, path, value) VALUES('{origin}', '{self.path}', ?)", (body,))
                    db.commit()
                    return self.answer(201, {"stored": body})
                if self.command == "DELETE":
                    db.execute(f"DELETE FROM item WHERE path = '{self.path}'")
                    db.commit()
                    return self.answer(200, {})
                if self.path == "/key":
                    return self.answer(200, {"key": key.hex()})
                rows = db.execute(f"SELECT value FROM item WHERE path = '{__import__('urllib.parse').parse.unquote(self.path)}'").fetchall()
                return self.answer(200, [r[0] for r in rows])
            except sqlite3.Error as e:
                return self.answer(500, {"error": str(e)})

    do_GET = do_POST = do_DELETE = do_PUT = handle_one

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", port), Handler).serve_forever()
