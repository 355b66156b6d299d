"""gRPC as a client, and as the service behind the gateway. Messages are plain bytes."""

import asyncio
import pathlib

import grpc
import grpc.aio

from stage import ask_aside, each_aside, enter_aside, equal, fails, within

SERVING = b"\x08\x01"


class Server:
    """A server of gRPC that takes every service of the name `test`."""

    def __init__(self, name, has_health=True):
        self.name = name
        self.has_health = has_health
        self.cancelled = asyncio.Queue()
        self.gate = asyncio.Semaphore(0)

    async def start(self):
        self.server = grpc.aio.server()
        self.server.add_generic_rpc_handlers([self])
        port = self.server.add_insecure_port("127.0.0.1:0")
        await self.server.start()
        return f"127.0.0.1:{port}"

    def service(self, call):
        """The handler of a call; grpc looks for it under this name."""
        path, _, method = call.method.rpartition("/")
        if path == "/grpc.health.v1.Health" and self.has_health:
            return grpc.unary_unary_rpc_method_handler(self.health)
        if not path.startswith("/test."):
            return None
        handlers = {
            "Echo": grpc.unary_unary_rpc_method_handler(self.echo),
            "Count": grpc.unary_stream_rpc_method_handler(self.count),
            "Sum": grpc.stream_unary_rpc_method_handler(self.sum),
            "Talk": grpc.stream_stream_rpc_method_handler(self.talk),
            "Hang": grpc.unary_unary_rpc_method_handler(self.hang),
            "Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "FailLate": grpc.unary_stream_rpc_method_handler(self.fail_late),
        }
        return handlers.get(method)

    async def health(self, message, context):
        return SERVING

    async def echo(self, message, context):
        sent = dict(context.invocation_metadata())
        await context.send_initial_metadata((("x-first", "initial"), ("x-name", self.name)))
        context.set_trailing_metadata((("x-last", "trailing"), ("x-own-bin", sent.get("x-own-bin", b""))))
        return message

    async def count(self, message, context):
        for number in range(int(message)):
            yield str(number).encode()
            await self.gate.acquire()

    async def sum(self, messages, context):
        return str(sum([int(message) async for message in messages])).encode()

    async def talk(self, messages, context):
        async for message in messages:
            yield message.upper()

    async def hang(self, message, context):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await self.cancelled.put(True)
            raise
        return b""

    async def fail(self, message, context):
        context.set_trailing_metadata((("grpc-status-details-bin", b"\x08\x05details\xff"),))
        await context.abort(grpc.StatusCode(statuses[int(message)]), "no \N{SNOWMAN} \u00e9 100%")

    async def fail_late(self, message, context):
        yield b"one"
        await context.abort(grpc.StatusCode.DATA_LOSS, "the rest is lost")


# By their numbers.
statuses = {code.value[0]: code.value for code in grpc.StatusCode}


async def main():
    old, new, other = Server("old"), Server("new"), Server("other")
    deaf = Server("deaf", has_health=False)
    servers = {one.name: await one.start() for one in (old, new, other, deaf)}
    stage = await enter_aside(**servers)
    trust = grpc.ssl_channel_credentials(pathlib.Path(stage.authority).read_bytes())

    def open_at(kind):
        options = [("grpc.max_receive_message_length", 16 << 20), ("grpc.enable_http_proxy", 0)]
        if kind == "secure":
            return grpc.aio.secure_channel(stage.secure, trust, options)
        return grpc.aio.insecure_channel(stage.plain, options)

    def unary(channel, method, service="Shop"):
        return channel.unary_unary(f"/test.{service}/{method}")

    async def without_a_release_it_is_unavailable(kind):
        async with open_at(kind) as channel:
            with fails(grpc.aio.AioRpcError) as failed:
                await unary(channel, "Echo")(b"hello", timeout=10)
            equal(failed.error.code(), grpc.StatusCode.UNAVAILABLE)

    async def a_server_without_the_health_service_gets_no_traffic():
        status, detail = await ask_aside("refused")
        equal(status, 409)
        assert "the server has no health service (grpc.health.v1.Health)" in detail, detail
        await ask_aside("split", percent=0)

    async def unary_calls_pass_with_their_metadata(kind):
        async with open_at(kind) as channel:
            for message in (b"", b"hello", bytes(range(256)) * 12_000):
                own = (("x-own", "one"), ("x-own-bin", b"\x00\xff"))
                call = unary(channel, "Echo")(message, metadata=own, timeout=10)
                equal(await call == message, True)
                first, last = dict(await call.initial_metadata()), dict(await call.trailing_metadata())
                equal((first["x-first"], first["x-name"]), ("initial", "old"))
                equal(first["x-portcullis-release"], "old")
                equal((last["x-last"], last["x-own-bin"]), ("trailing", b"\x00\xff"))
                equal(await call.code(), grpc.StatusCode.OK)

    async def compressed_messages_pass(kind):
        async with open_at(kind) as channel:
            echo = unary(channel, "Echo")
            answer = await echo(b"again " * 10_000, compression=grpc.Compression.Gzip, timeout=10)
            equal(answer, b"again " * 10_000)

    async def a_server_streams_one_message_after_the_other(kind):
        async with open_at(kind) as channel:
            call = channel.unary_stream("/test.Shop/Count")(b"3", timeout=10)
            for number in range(3):
                # The next one is sent only after this one was read.
                equal(await call.read(), str(number).encode())
                old.gate.release()
            equal(await call.read(), grpc.aio.EOF)
            equal(await call.code(), grpc.StatusCode.OK)

    async def a_client_streams(kind):
        async def messages():
            for number in range(1, 101):
                yield str(number).encode()

        async with open_at(kind) as channel:
            equal(await channel.stream_unary("/test.Shop/Sum")(messages(), timeout=10), b"5050")

    async def both_stream_in_turns(kind):
        async with open_at(kind) as channel:
            call = channel.stream_stream("/test.Shop/Talk")(timeout=10)
            for word in (b"one", b"two", b"x" * 100_000):
                await call.write(word)
                equal(await call.read() == word.upper(), True)
            await call.done_writing()
            equal(await call.read(), grpc.aio.EOF)
            equal(await call.code(), grpc.StatusCode.OK)

    async def a_deadline_ends_the_call_on_both_sides(kind):
        async with open_at(kind) as channel:
            with within(3), fails(grpc.aio.AioRpcError) as failed:
                await unary(channel, "Hang")(b"", timeout=0.3)
            equal(failed.error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
            with within(3):
                await old.cancelled.get()
            await ask_aside("idle")

    async def a_cancelled_call_ends_on_both_sides(kind):
        async with open_at(kind) as channel:
            call = unary(channel, "Hang")(b"")
            await asyncio.sleep(0.1)
            call.cancel()
            with within(3):
                await old.cancelled.get()
            await ask_aside("idle")
            # The connection goes on.
            equal(await unary(channel, "Echo")(b"hello", timeout=10), b"hello")

    async def statuses_pass_with_their_details(kind):
        async with open_at(kind) as channel:
            for number in range(1, 17):
                with fails(grpc.aio.AioRpcError) as failed:
                    await unary(channel, "Fail")(str(number).encode(), timeout=10)
                equal(failed.error.code().value[0], number)
                equal(failed.error.details(), "no \N{SNOWMAN} \u00e9 100%")
                last = dict(failed.error.trailing_metadata())
                equal(last["grpc-status-details-bin"], b"\x08\x05details\xff")
            call = channel.unary_stream("/test.Shop/FailLate")(b"", timeout=10)
            equal(await call.read(), b"one")
            with fails(grpc.aio.AioRpcError) as failed:
                await call.read()
            equal(failed.error.code(), grpc.StatusCode.DATA_LOSS)
            with fails(grpc.aio.AioRpcError) as failed:
                await unary(channel, "None")(b"", timeout=10)
            equal(failed.error.code(), grpc.StatusCode.UNIMPLEMENTED)

    async def failed_calls_count_as_errors_of_the_release(kind):
        # UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: the server is to blame.
        blamed = {2, 4, 12, 13, 14, 15}
        async with open_at(kind) as channel:
            for number in range(1, 17):
                before = await ask_aside("errors")
                with fails(grpc.aio.AioRpcError):
                    await unary(channel, "Fail")(str(number).encode(), timeout=10)
                equal((number, await ask_aside("errors") - before), (number, int(number in blamed)))
            before = await ask_aside("errors")
            # With its status in the trailers behind a message.
            call = channel.unary_stream("/test.Shop/FailLate")(b"", timeout=10)
            equal(await call.read(), b"one")
            with fails(grpc.aio.AioRpcError):
                await call.read()
            equal(await ask_aside("errors") - before, 1)
            equal(await unary(channel, "Echo")(b"hello", timeout=10), b"hello")
            equal(await ask_aside("errors") - before, 1)

    async def a_route_leads_to_an_upstream_of_http2(kind):
        async with open_at(kind) as channel:
            call = unary(channel, "Echo", "Other")(b"hello", timeout=10)
            equal(await call, b"hello")
            equal(dict(await call.initial_metadata())["x-name"], "other")
            talk = channel.stream_stream("/test.Other/Talk")(timeout=10)
            await talk.write(b"one")
            equal(await talk.read(), b"ONE")
            talk.cancel()

    async def many_calls_share_a_connection(kind):
        async with open_at(kind) as channel:
            echo = unary(channel, "Echo")
            sent = [f"call {number}".encode() for number in range(300)]
            got = await asyncio.gather(*(echo(message, timeout=20) for message in sent))
            equal(got, sent)

    async def streams_go_on_when_the_split_moves(kind):
        async with open_at(kind) as channel:
            before = channel.stream_stream("/test.Shop/Talk")(timeout=20)
            await before.write(b"one")
            equal(await before.read(), b"ONE")
            equal(dict(await before.initial_metadata())["x-portcullis-release"], "old")
            await ask_aside("split", percent=100)
            call = unary(channel, "Echo")(b"hello", timeout=10)
            await call
            equal(dict(await call.initial_metadata())["x-name"], "new")
            await before.write(b"two")
            equal(await before.read(), b"TWO")
            await before.done_writing()
            equal(await before.code(), grpc.StatusCode.OK)
            await ask_aside("split", percent=0)

    async def refused(channel, service, message=b"hello"):
        with fails(grpc.aio.AioRpcError) as failed:
            await unary(channel, "Echo", service)(message, timeout=10)
        return failed.error

    async def what_the_gateway_refuses_is_a_status(kind):
        async with open_at(kind) as channel:
            error = await refused(channel, "Nowhere")
            equal(error.code(), grpc.StatusCode.UNAVAILABLE)
            # The gateway's own words, not those of a client that met an HTTP status.
            assert "did not accept a connection" in error.details(), error.details()
            error = await refused(channel, "Small", b"x" * 5_000)
            equal(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
            assert "body" in error.details(), error.details()
            error = await refused(channel, "Guarded")
            equal(error.code(), grpc.StatusCode.UNAUTHENTICATED)
            last = dict(error.trailing_metadata())
            assert last["www-authenticate"] and last["x-request-id"], last
            error = await refused(channel, "Closed")
            equal(error.code(), grpc.StatusCode.PERMISSION_DENIED)
            holding = channel.stream_stream("/test.Full/Talk")(timeout=20)
            await holding.write(b"one")
            equal(await holding.read(), b"ONE")
            error = await refused(channel, "Full")
            equal(error.code(), grpc.StatusCode.UNAVAILABLE)
            assert int(dict(error.trailing_metadata())["retry-after"]) > 0
            holding.cancel()

    async def a_limit_is_a_status():
        async with open_at("plain") as channel:
            equal(await unary(channel, "Echo", "Limited")(b"hello", timeout=10), b"hello")
            for kind in ("plain", "secure"):
                async with open_at(kind) as channel:
                    error = await refused(channel, "Limited")
                    equal(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
                    assert int(dict(error.trailing_metadata())["retry-after"]) > 0

    each_kind = (
        unary_calls_pass_with_their_metadata,
        compressed_messages_pass,
        a_server_streams_one_message_after_the_other,
        a_client_streams,
        both_stream_in_turns,
        a_deadline_ends_the_call_on_both_sides,
        a_cancelled_call_ends_on_both_sides,
        statuses_pass_with_their_details,
        failed_calls_count_as_errors_of_the_release,
        a_route_leads_to_an_upstream_of_http2,
        many_calls_share_a_connection,
        streams_go_on_when_the_split_moves,
        what_the_gateway_refuses_is_a_status,
    )
    kinds = ("plain", "secure")
    before = [(without_a_release_it_is_unavailable, kind) for kind in kinds]
    before.append((a_server_without_the_health_service_gets_no_traffic,))
    after = [(scenario, kind) for kind in kinds for scenario in each_kind]
    await each_aside([*before, *after, (a_limit_is_a_status,)])
    for one in (old, new, other, deaf):
        await one.server.stop(0)


asyncio.run(main())
