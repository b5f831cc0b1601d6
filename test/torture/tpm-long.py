#!/usr/bin/python3
"""tpm-long: signatures by a TPM simulator without pause, with a second session held: handles and
memory stay flat. The short form takes 20 seconds, the long one ten minutes."""
import os, pathlib, subprocess, sys

BUILD = pathlib.Path(os.environ.get("HOLDFAST_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build"))
seconds = 600 if os.environ.get("TORTURE_LONG") else 20
p = subprocess.run([BUILD / "unit-token", "long", str(seconds)], capture_output=True, text=True, timeout=seconds + 120)
print(next((l for l in p.stdout.splitlines() if "signatures in" in l), p.stdout + p.stderr))
sys.exit(p.returncode)
