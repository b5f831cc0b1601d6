"""labnode: `holdfastd --lab` started by its command line alone, and asked as any HTTP client would."""
import json, subprocess, tempfile, time

import requests

from node import BUILD, free_port


class Lab:
    """holdfastd --lab with words of the command line."""

    def __init__(self, *words, directory=None, address="127.0.0.1", port=None):
        self.port = port or free_port()
        self.place = f"{address}:{self.port}"
        self.url = f"http://{self.place}"
        argv = [str(BUILD / "holdfastd"), "--lab", "--listen", self.place, *words]
        if directory:
            argv += ["-d", str(directory)]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        end = time.time() + 15
        while time.time() < end and self.process.poll() is None:
            try:
                requests.get(self.url + "/x", timeout=1)
                return
            except (requests.ConnectionError, requests.Timeout):
                time.sleep(0.05)
        raise RuntimeError(self.text())

    def text(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def stop(self):
        self.process.terminate()
        return self.process.wait(20)

    def ask(self, method, path, origin, body=None, kind=None, headers=None, **query):
        h = {"X-M2M-RI": "r%d" % time.monotonic_ns(), "X-M2M-RVI": "3", "Accept": "application/json", **(headers or {})}
        if origin is not None:
            h["X-M2M-Origin"] = origin
        if body is not None:
            h["Content-Type"] = "application/json" + (f";ty={kind}" if kind else "")
        r = requests.request(method, self.url + path, headers=h, params=query, timeout=20,
                             data=None if body is None else json.dumps(body))
        try:
            content = r.json() if r.content else None
        except ValueError:
            content = r.text
        return int(r.headers["X-M2M-RSC"]), content

    def create(self, path, origin, ty, body, **q):
        return self.ask("POST", path, origin, body, ty, **q)

    def get(self, path, origin, **q):
        return self.ask("GET", path, origin, **q)
