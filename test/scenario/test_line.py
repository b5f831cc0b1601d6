"""What the two programs say to somebody who has never seen them: help of all, of an object and of a
command; completion, as bash runs it; wrong lines, each with what to ask next. No node runs."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

BUILD = Path(os.environ.get("HOLDFAST_BUILD", Path(__file__).resolve().parents[2] / "build"))


def run(*words, program="holdfast"):
    p = subprocess.run([BUILD / program, *words], capture_output=True, text=True, timeout=20)
    return p.returncode, p.stdout, p.stderr


class Help(unittest.TestCase):
    def test_all_commands_in_a_line_each(self):
        status, out, _ = run("--help")
        self.assertEqual(status, 0)
        self.assertIn("  doctor ", out)
        lines = [line for line in out.splitlines() if line.startswith("  ")]
        self.assertGreater(len(lines), 80)
        self.assertLess(max(map(len, lines)), 116)

    def test_an_object_shows_its_verbs_and_no_others(self):
        status, out, _ = run("enrol", "--help")
        self.assertEqual(status, 0)
        self.assertIn("enrol device NAME", out)
        self.assertNotIn("doctor", out)

    def test_a_command_shows_its_options_and_no_others(self):
        _, out, _ = run("ticket", "create", "--help")
        self.assertIn("--ids PATTERN", out)
        self.assertNotIn("--psk", out)

    def test_versions(self):
        self.assertRegex(run("--version")[1], r"^holdfast \d+\.\d+\.\d+\n$")
        self.assertRegex(run("--version", program="holdfastd")[1], r"^holdfastd \d+\.\d+\.\d+\n$")


class WrongLines(unittest.TestCase):
    def refused(self, words, what, ask):
        status, out, err = run(*words)
        self.assertEqual((status, out), (2, ""), words)
        self.assertIn(what, err)
        self.assertIn(f"see {ask}\n", err)

    def test_each_says_what_to_ask_next(self):
        self.refused(["robot"], "no such command: robot", "holdfast --help")
        self.refused(["enrol"], "a verb is missing behind: enrol", "holdfast enrol --help")
        self.refused(["enrol", "robot"], "no such verb: robot", "holdfast enrol --help")
        self.refused(["enrol", "device"], "missing: NAME", "holdfast enrol device --help")
        self.refused(["enrol", "device", "x", "--robot"], "no such option: --robot", "holdfast enrol device --help")

    def test_a_purpose_that_no_key_of_the_class_has(self):
        for purpose in ("seal", "wrap"):
            self.refused(["key", "create", "app/k", "--user", "33", "--purpose", purpose], "--class symmetric32", "holdfast key create --help")

    def test_the_service_names_the_word_and_the_way_out(self):
        status, _, err = run("--robot", program="holdfastd")
        self.assertEqual(status, 2)
        self.assertIn("argument=--robot", err)
        status, _, err = run("-d", "/nonexistent/node", program="holdfastd")
        self.assertEqual(status, 1)
        self.assertIn("holdfast init", err)


class Files(unittest.TestCase):
    """What inspect says of files that only Holdfast writes; no name of a file makes JSON that is none."""

    def setUp(self):
        self.top = Path(tempfile.mkdtemp(prefix="holdfast-line-"))
        self.addCleanup(shutil.rmtree, self.top)

    def test_an_administrator_under_an_odd_name(self):
        (self.top / "pass").write_text("correct horse\n")
        (self.top / "pass").chmod(0o600)
        made = self.top / 'a"b'
        status, out, err = run("-o", "json", "administrator", "create", str(made), 'x"y', "--administrator-passphrase", str(self.top / "pass"))
        self.assertEqual(status, 0, err)
        self.assertEqual(json.loads(out)["name"], 'x"y')
        status, out, _ = run("-o", "json", "inspect", str(made))
        self.assertEqual(status, 0)
        self.assertIn("administrator", json.loads(out)["what"])

    def test_what_is_no_file(self):
        status, out, err = run("inspect", str(self.top / "nothing"))
        self.assertEqual((status, out), (1, ""))
        self.assertIn("no such file", err)
        self.assertIn("no regular file", run("inspect", "/dev/null")[2])
        (self.top / "noise").write_bytes(bytes(range(256)))
        self.assertEqual(run("inspect", str(self.top / "noise"))[0], 1)

    def test_a_port_that_is_none_makes_no_node(self):
        node = self.top / "node"
        for listen in ("127.0.0.1:99999", "127.0.0.1:0", "127.0.0.1", "127.0.0.1:8443 #"):
            status, _, err = run("init", str(node), "--sp", "//demo.example", "--cse-id", "/in-cse", "--listen", listen)
            self.assertEqual(status, 2, listen)
            self.assertIn("address:port", err)
            self.assertFalse(node.exists())


class Completion(unittest.TestCase):
    def complete(self, *words):
        script = run("help", "completion")[1] + (
            'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _holdfast; printf "%s\\n" "${COMPREPLY[@]}"\n')
        p = subprocess.run(["bash", "-c", script, "bash", "holdfast", *words], capture_output=True, text=True, timeout=20)
        self.assertEqual(p.stderr, "")
        return p.stdout.split()

    def test_objects_verbs_options(self):
        self.assertEqual(self.complete("enr"), ["enrol"])
        self.assertEqual(self.complete("enrol", "d"), ["device"])
        self.assertEqual(self.complete("-d", "/n", "-o", "json", "enrol", "d"), ["device"])
        self.assertIn("--ids", self.complete("ticket", "create", "--"))
        self.assertNotIn("--psk", self.complete("ticket", "create", "--"))
        self.assertIn("--id", self.complete("enrol", "device", "lamp", "--out", "x", "--"))
        self.assertEqual(len(self.complete("")), len(set(self.complete(""))))

    def test_a_value_is_left_to_bash(self):
        self.assertEqual(self.complete("enrol", "device", "lamp", "--out", ""), [])


if __name__ == "__main__":
    unittest.main()
