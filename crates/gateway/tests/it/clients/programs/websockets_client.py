"""websockets as a client, and as two releases of a service behind the gateway."""

import asyncio
import http

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus

from stage import ask_aside, each_aside, enter_aside, equal, fails, within

LARGE = 8 << 20


class Release:
    """A release that does what messages tell it."""

    def __init__(self, name):
        self.name = name
        self.closes = asyncio.Queue()
        self.pongs = asyncio.Queue()

    async def start(self):
        self.server = await serve(
            self.talk,
            "127.0.0.1",
            0,
            process_request=self.first_look,
            select_subprotocol=lambda connection, offered: offered[0] if offered else None,
            max_size=2 * LARGE,
            ping_interval=None,
        )
        return "127.0.0.1:%d" % self.server.sockets[0].getsockname()[1]

    def first_look(self, connection, request):
        if request.path == "/health":
            return connection.respond(http.HTTPStatus.OK, "")
        if request.path == "/forbidden":
            return connection.respond(http.HTTPStatus.FORBIDDEN, "not you\n")
        return None

    async def talk(self, connection):
        try:
            async for message in connection:
                if message == "who":
                    await connection.send(self.name)
                elif message == "extensions":
                    await connection.send(repr(connection.protocol.extensions))
                elif message == "headers":
                    fields = connection.request.headers.raw_items()
                    await connection.send("\n".join(f"{k.lower()}: {v}" for k, v in fields))
                elif message == "ping":
                    latency = await (await connection.ping(b"from the release"))
                    await connection.send(f"pong after {latency >= 0}")
                elif message == "close":
                    await connection.close(4002, "the release has enough")
                elif message == "vanish":
                    connection.transport.abort()
                elif message == "fragments":
                    await connection.send(part for part in ("one ", "two ", "three"))
                else:
                    await connection.send(message)
        finally:
            await connection.wait_closed()
            await self.closes.put((connection.close_code, connection.close_reason))


async def main():
    old, new = Release("old"), Release("new")
    stage = await enter_aside(old=await old.start(), new=await new.start())

    def open_at(kind, path="/", **options):
        options = {"max_size": 2 * LARGE, "ping_interval": None, "proxy": None} | options
        if kind == "secure":
            return connect(f"wss://{stage.secure}{path}", ssl=stage.trust, **options)
        return connect(f"ws://{stage.plain}{path}", **options)

    async def messages_come_back(kind):
        async with open_at(kind, subprotocols=["chat.v1"]) as client:
            equal(client.subprotocol, "chat.v1")
            for message in ("hello", "", "\N{SNOWMAN} " * 1000, b"", b"\x00\xff" * 70_000):
                await client.send(message)
                equal(await client.recv(), message)
            await client.send("headers")
            fields = (await client.recv()).splitlines()
            equal("upgrade: websocket" in fields, True)
            equal("x-forwarded-proto: " + ("https" if kind == "secure" else "http") in fields, True)
        equal(await old.closes.get(), (1000, ""))

    async def pings_pass_both_ways(kind):
        async with open_at(kind) as client:
            with within(5):
                await (await client.ping(b"from the client"))
            await client.send("ping")
            equal(await client.recv(), "pong after True")
        await old.closes.get()

    async def large_and_fragmented_messages_pass(kind):
        async with open_at(kind, compression=None) as client:
            large = bytes(range(256)) * (LARGE // 256)
            await client.send(large)
            equal(await client.recv() == large, True)
            await client.send(large[at : at + 100_000] for at in range(0, LARGE, 100_000))
            equal(await client.recv() == large, True)
            await client.send("fragments")
            parts = [part async for part in client.recv_streaming()]
            equal("".join(parts), "one two three")
            equal(len(parts) >= 3, True)
        await old.closes.get()

    async def codes_of_closing_pass_both_ways(kind):
        async with open_at(kind) as client:
            await client.close(4001, "the client has enough")
            equal(await old.closes.get(), (4001, "the client has enough"))
        async with open_at(kind) as client:
            await client.send("close")
            with fails(ConnectionClosedError) as closed:
                await client.recv()
            equal((closed.error.rcvd.code, closed.error.rcvd.reason), (4002, "the release has enough"))
        await old.closes.get()

    async def an_end_without_a_close_passes_both_ways(kind):
        async with open_at(kind) as client:
            await client.send("hello")
            await client.recv()
            client.transport.abort()
            with within(5):
                equal(await old.closes.get(), (1006, ""))
        async with open_at(kind) as client:
            await client.send("vanish")
            with within(5), fails(ConnectionClosedError) as closed:
                await client.recv()
            equal(closed.error.rcvd, None)
        await old.closes.get()

    async def silence_closes_and_pings_keep_open(kind):
        async with open_at(kind, ping_interval=0.5, ping_timeout=5) as pinging, open_at(kind) as silent:
            with within(10), fails(ConnectionClosedError) as closed:
                await silent.recv()
            equal(closed.error.rcvd, None)
            await asyncio.sleep(1.5)
            await pinging.send("hello")
            equal(await pinging.recv(), "hello")
        equal(sorted([await old.closes.get(), await old.closes.get()]), [(1000, ""), (1006, "")])

    async def compression_is_agreed_on_end_to_end(kind):
        async with open_at(kind, compression="deflate") as client:
            equal("PerMessageDeflate" in repr(client.protocol.extensions), True)
            await client.send("extensions")
            equal("PerMessageDeflate" in await client.recv(), True)
            await client.send("again and again " * 50_000)
            equal(await client.recv(), "again and again " * 50_000)
        async with open_at(kind, compression=None) as client:
            await client.send("extensions")
            equal(await client.recv(), "[]")
        await old.closes.get()
        await old.closes.get()

    async def a_refusal_of_the_release_passes(kind):
        with fails(InvalidStatus) as refused:
            async with open_at(kind, "/forbidden"):
                pass
        equal((refused.error.response.status_code, refused.error.response.body), (403, b"not you\n"))

    async def a_tunnel_goes_on_when_the_split_moves(kind):
        async with open_at(kind) as before:
            await before.send("who")
            equal(await before.recv(), "old")
            await ask_aside("weight", percent=100)
            async with open_at(kind) as after:
                for client, name in ((before, "old"), (after, "new"), (before, "old")):
                    await client.send("who")
                    equal(await client.recv(), name)
            equal(await new.closes.get(), (1000, ""))
            await ask_aside("weight", percent=0)
            await before.send("who")
            equal(await before.recv(), "old")
        equal(await old.closes.get(), (1000, ""))

    async def a_tunnel_goes_on_when_its_release_leaves_the_split():
        async with open_at("plain") as before:
            await before.send("who")
            equal(await before.recv(), "old")
            await ask_aside("promote")
            for _ in range(3):
                await before.send("who")
                equal(await before.recv(), "old")
            equal(await ask_aside("in_flight") >= 1, True)
        equal(await old.closes.get(), (1000, ""))
        async with open_at("plain") as after:
            await after.send("who")
            equal(await after.recv(), "new")

    async def many_at_once(kind):
        async def talk(number):
            async with open_at(kind) as client:
                for round in range(10):
                    await client.send(f"{number} {round}")
                    equal(await client.recv(), f"{number} {round}")

        await asyncio.gather(*(talk(number) for number in range(50)))
        for _ in range(50):
            equal(await old.closes.get(), (1000, ""))

    each_kind = (
        messages_come_back,
        pings_pass_both_ways,
        large_and_fragmented_messages_pass,
        codes_of_closing_pass_both_ways,
        an_end_without_a_close_passes_both_ways,
        silence_closes_and_pings_keep_open,
        compression_is_agreed_on_end_to_end,
        a_refusal_of_the_release_passes,
        a_tunnel_goes_on_when_the_split_moves,
        many_at_once,
    )
    both = [(scenario, kind) for kind in ("plain", "secure") for scenario in each_kind]
    await each_aside([*both, (a_tunnel_goes_on_when_its_release_leaves_the_split,)])


asyncio.run(main())
