"""machine: a node started on another machine, that is, with another /etc/machine-id, in a mount
namespace of its own. A root without a machine identity, as one that was just made, has one of ours
for as long as the test takes."""
import atexit, pathlib, subprocess

MACHINE, HERE, THERE = pathlib.Path("/etc/machine-id"), "fedcba9876543210fedcba9876543210\n", "0123456789abcdef0123456789abcdef\n"
OURS = not MACHINE.exists()
if OURS:
    MACHINE.write_text(HERE)
    atexit.register(MACHINE.unlink)


def start_elsewhere(n):
    """holdfastd of the node on the other machine; n.stop() ends it, then come_home()."""
    ident = n.top / "machine-id"
    ident.write_text(THERE)
    start = f"exec {n.build}/holdfastd -d {n.dir}"
    if OURS:
        MACHINE.write_text(THERE)
    argv = ["sh", "-c", start] if OURS else ["unshare", "--mount", "sh", "-c", f"mount --bind {ident} {MACHINE} && {start}"]
    n.log = open(n.log_path, "ab")
    n.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=n.log, stderr=subprocess.STDOUT)


def come_home():
    if OURS:
        MACHINE.write_text(HERE)
