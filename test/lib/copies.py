"""copies: a node's whole folder, copied; and how one sees that it was."""
import re, shutil

from node import Node, free_port


def copy_of(n, name):
    """A second node in a copy of the folder, on a port of its own."""
    top = n.top / name
    top.mkdir()
    top.chmod(0o755)
    shutil.copytree(n.dir, top / "node-dir", symlinks=True, ignore=shutil.ignore_patterns("run"))
    for f in n.dir.rglob("*"):
        here = top / "node-dir" / f.relative_to(n.dir)
        if here.exists():
            shutil.chown(here, f.stat().st_uid, f.stat().st_gid)
    port = free_port()
    conf = top / "node-dir/holdfast.conf"
    conf.write_text(re.sub(r"127\.0\.0\.1:\d+(\s)", rf"127.0.0.1:{port}\1", conf.read_text()))
    return Node(folder=top, start=False, port=port)


def alarmed(n):
    return "FAIL     copies" in n.cli("doctor", check=False)[1]
