"""labnode: `holdfastd --lab` started by its command line alone, and asked as any HTTP client would, in the form
that forms.py has."""
import subprocess, tempfile, time, urllib.parse

import requests

import forms
from lab import Reply, exchange
from node import BUILD, free_port


class Lab:
    """holdfastd --lab with words of the command line."""

    def __init__(self, *words, directory=None, address="127.0.0.1", port=None):
        self.port = port or free_port()
        self.place = f"{address}:{self.port}"
        self.url = f"http://{self.place}"
        argv = [str(BUILD / "holdfastd"), "--lab", "--listen", self.place, *words]
        self.address = address
        if forms.now.store and "--store" not in words and not directory:
            argv += ["--store", forms.now.store]
        if directory:
            argv += ["-d", str(directory)]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        end = time.time() + 30
        while time.time() < end and self.process.poll() is None:
            try:
                requests.get(self.url + "/x", timeout=1)
                return
            except requests.RequestException:  # not there, or slow
                time.sleep(0.05)
        raise RuntimeError(self.text())

    def text(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def stop(self):
        self.process.terminate()
        return self.process.wait(60)

    def ask(self, method, path, origin, body=None, kind=None, headers=None, **query):
        h = {"X-M2M-RI": "r%d" % time.monotonic_ns(), "X-M2M-RVI": "3", "Accept": "application/" + forms.now.serialisation}
        data = None
        if origin is not None:
            h["X-M2M-Origin"] = origin
        if body is not None:
            serialisation, data = forms.write(None, body)
            h["Content-Type"] = f"application/{serialisation}" + (f";ty={kind}" if kind else "")
            h["Accept"] = "application/" + serialisation
        path += ("?" + urllib.parse.urlencode(query, doseq=True)) if query else ""
        r = Reply(exchange(self.address, self.port, method, path, {**h, **(headers or {})}, data))
        return r.rsc, r.body.decode(errors="replace") if r.body and r.json is None else r.json

    def create(self, path, origin, ty, body, **q):
        return self.ask("POST", path, origin, body, ty, **q)

    def get(self, path, origin, **q):
        return self.ask("GET", path, origin, **q)
