#!/usr/bin/python3
"""T2, T5: keys are deleted or put out of use: by a command that nobody signed, by an
administrator alone where two are needed, by an order that was sent before, late, out of order
or altered, by a captured core, by a clock that was set forward, by removing the files."""
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import os, struct, time

from attack import Refusals, Twin, end
from node import Node
from orders import Door, Person, administrators, challenge, keys, octets, order, paper, send, OK, MISSING, REFUSED, EXPIRED, TAMPERED

r = Refusals()
with Twin() as t:
    os.unlink(t.top / "key")  # whoever reaches the folder; no question is asked
    control = not (t.top / "key").exists()
    print("control: the key is gone")

DELAY = 6
with Node(init=("--delay", DELAY)) as n:
    anna, bert, eve = Person("anna"), Person("bert", ed=True), Person("eve")
    administrators(n, anna, bert)
    door = Door(n)
    n.cli("key", "create", "a")
    n.enrol("d", "Cd", "device", True, "--identity", "d@demo.example")
    target = octets(b"user/a")
    victims = ("user/a", "psk/d@demo.example", "ca", "root")

    def there():
        return all(v in keys(door) for v in victims)

    assert there()
    for v in victims:
        name = octets(v.encode())
        error, _ = door.call(28, name)
        r.say(f"DESTROY of {v} through the door", error == REFUSED)
        error, _ = order(door, "DESTROY", name)
        r.say(f"an order to destroy {v} that nobody signed", error == REFUSED)
        error, _ = order(door, "DESTROY", name, eve)
        r.say("the same, signed by somebody who is no administrator", error == MISSING)
        error, _ = order(door, "DESTROY", name, anna)
        r.say("the same, by an administrator alone", error == REFUSED)
    for kind, body in (("REMOVE", octets(b"bert")), ("MINIMUM", octets(b"import") + struct.pack(">I", 1)),
                       ("REPLACE", target + octets(bytes(113)) + octets(b""))):
        error, _ = order(door, kind, body, anna)
        r.say(f"{kind} by one administrator", error != OK)
    r.say("and after all of these each is there", there())
    error, _ = order(door, "ADD", eve.added(), anna)
    r.say("an administrator alone gives herself a second name", error == REFUSED)
    o = paper(door, "DESTROY", target)
    error, _ = send(door, o, [(anna.name, anna.sign(o)), (anna.name, anna.sign(o))])
    r.say("one administrator signs twice", error not in (OK, REFUSED) and there())
    error, _ = send(door, o, [(anna.name, anna.sign(o)), (bert.name, anna.sign(o))])
    r.say("one administrator signs for the other", error == TAMPERED and there())
    bad = sum(send(door, o[:i] + bytes([o[i] ^ 1]) + o[i + 1:], [(anna.name, anna.sign(o)), (bert.name, bert.sign(o))])[0] == OK
              for i in range(0, len(o), 7))
    r.say("an order altered on its way, at many octets", bad == 0 and there())

    # replayed, reordered, late
    early = paper(door, "DESTROY", target)
    rotate = paper(door, "ROTATE", octets(b"import"))
    time.sleep(1.1)
    error, _ = send(door, rotate, [(anna.name, anna.sign(rotate))])
    assert error == OK, error
    error, _ = send(door, early, [(anna.name, anna.sign(early)), (bert.name, bert.sign(early))])
    r.say("an order from before another that was taken", error == EXPIRED and there())
    error, _ = send(door, rotate, [(anna.name, anna.sign(rotate))])
    r.say("an order that was taken, again", error == EXPIRED)
    o = paper(door, "DESTROY", target, (bytes(16),) + challenge(door)[1:])
    error, _ = send(door, o, [(anna.name, anna.sign(o)), (bert.name, bert.sign(o))])
    r.say("an order for another keeper", error != OK and there())

    # two persons: it waits, also over a restart and a kill, and is undone
    error, result = order(door, "DESTROY", target, anna, bert)
    assert error == OK and result[0] == 1, (error, result)
    number = result[1:5]
    door.close()
    n.stop()
    n.start()
    door = Door(n)
    r.say("ordered by two, it is still there after a restart within the delay", there())
    error, _ = order(door, "UNDO", number, eve)
    r.say("undone by nobody's signature", error == MISSING)
    error, _ = order(door, "UNDO", number, anna)
    assert error == OK, error
    time.sleep(DELAY + 2)
    r.say("undone by one of them, it stays for good", there())

    # the other way: it does happen (the attack can tell), and is on record
    error, result = order(door, "DESTROY", target, anna, bert)
    assert error == OK, error
    time.sleep(DELAY + 3)
    gone = "user/a" not in keys(door)
    texts = [str(x) for x in n.audit()]
    r.say("by two and after the delay it is destroyed, and on record before and after",
          gone and any("KEY_DESTROY user/a by anna,bert is due" in x for x in texts))
    r.say("what was refused is on record", sum("KEY_DESTROY" in x for x in texts) > 8)

    # a captured core withdraws: undone
    n.cli("credential", "revoke", "12-d@demo.example")
    name = [k for k in keys(door) if k.startswith("psk/d@demo.example")]
    r.say("a revoked credential's key is out of use, and not yet erased", len(name) == 1 and "#" in name[0], str(name))
    error, _ = order(door, "UNDO", struct.pack(">I", 0) + octets(name[0].encode()), anna)
    r.say("an administrator brings it back", error == OK and "psk/d@demo.example" in keys(door))
    door.close()

end(control, r.all, "keys deleted")
