#!/usr/bin/python3
"""hostile: a thousand peers that mean ill, each from an address of its own (127.1.x.y), until standard input ends.

usage: hostile PORT NAME CA CERT KEY PEERS SHARE
A fifth each: says nothing; stops in the middle of its hello; sends what is no handshake; begins handshakes without a
credential, over and over; has a credential (one for all of them) and asks as fast as it can, now and then with a head
that never ends. SHARE: of one processor, what they take at most, so that the server is measured and not their appetite."""
import asyncio, os, ssl, sys, time

port, name, ca, cert, key, peers, share = sys.argv[1:8]
port, peers, share = int(port), int(peers), float(share)
began, done = time.monotonic(), dict(connections=0, handshakes=0, requests=0)
REQUEST = (f"GET /cse-in/ae-Chostile HTTP/1.1\r\nHost: {name}\r\nX-M2M-Origin: Chostile\r\nX-M2M-RI: h\r\nX-M2M-RVI: 3\r\n\r\n").encode()


async def fair():
    """Wait while more than the share is used."""
    while time.process_time() > share * (time.monotonic() - began) + 0.5:
        await asyncio.sleep(0.02)


def context(own):
    c = ssl.create_default_context(cafile=ca)
    if own:
        c.load_cert_chain(cert, key)
    return c


STRANGER, OWN = context(False), context(True)


async def opened(i, own=None):
    await fair()
    done["connections"] += 1
    more = dict(ssl=own, server_hostname=name) if own else {}
    return await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port, local_addr=(f"127.1.{i // 250}.{1 + i % 250}", 0), **more), 20)


def hello():
    out = ssl.MemoryBIO()
    o = STRANGER.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    try:
        o.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


async def silent(i):
    r, w = await opened(i)
    await r.read(1)
    w.close()


async def half(i):
    r, w = await opened(i)
    w.write(hello()[:60])
    await r.read(1)
    w.close()


async def garbage(i):
    r, w = await opened(i)
    w.write(os.urandom(400))
    await r.read(100)
    w.close()


async def stranger(i):
    done["handshakes"] += 1
    r, w = await opened(i, STRANGER)
    await r.read(100)
    w.close()


async def enrolled(i):
    r, w = await opened(i, OWN)
    done["handshakes"] += 1
    for k in range(200):
        await fair()
        w.write(REQUEST)
        done["requests"] += 1
        if not await r.read(65536):
            return
    w.write(b"GET /" + b"a" * 4000 + b" HTTP/1.1\r\nX: " + b"y" * 2000)
    await r.read(100)
    w.close()


async def peer(i):
    kind = (silent, half, garbage, stranger, enrolled)[i % 5]
    while True:
        try:
            await kind(i)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, ValueError):
            pass
        await asyncio.sleep(1)


async def main():
    for i in range(peers):
        asyncio.create_task(peer(i))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    took = time.monotonic() - began
    print(*(f"{k} {v / took:.0f}" for k, v in done.items()), f"share {time.process_time() / took:.2f}", flush=True)
    os._exit(0)  # with all that hang

asyncio.run(main())
