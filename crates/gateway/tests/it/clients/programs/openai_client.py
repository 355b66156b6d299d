"""The OpenAI SDK as a client, and a small model server that streams as slowly as it is told."""

import asyncio
import json

import openai

from stage import ask_aside, each_aside, enter_aside, equal, fails, within

WORDS = ["The", " gate", " is", " open", "."]


class Model:
    """Answers over HTTP/1.1; a stream waits before each word but the first until it may go on."""

    def __init__(self):
        self.may_go_on = asyncio.Semaphore(0)
        self.sent = 0
        self.left = asyncio.Queue()
        self.asked = []

    async def start(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return "127.0.0.1:%d" % server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *fields = head.decode().split("\r\n")
                fields = dict(field.lower().split(": ", 1) for field in fields if field)
                body = await self.body(reader, fields)
                path = line.split()[1]
                if path == "/health":
                    await self.answer(writer, 200, {})
                    continue
                asked = json.loads(body)
                self.asked.append((path, fields, asked))
                await self.chat(reader, writer, asked)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def body(self, reader, fields):
        if "content-length" in fields:
            return await reader.readexactly(int(fields["content-length"]))
        body = b""
        while "transfer-encoding" in fields:
            size = int(await reader.readline(), 16)
            body += (await reader.readexactly(size + 2))[:-2]
            if size == 0:
                break
        return body

    async def answer(self, writer, status, body, *fields):
        text = json.dumps(body).encode()
        fields = ["content-type: application/json", f"content-length: {len(text)}", *fields]
        writer.write("\r\n".join([f"HTTP/1.1 {status} Said", *fields, "", ""]).encode() + text)
        await writer.drain()

    async def chat(self, reader, writer, asked):
        if asked["model"].startswith("status-"):
            status = int(asked["model"].removeprefix("status-"))
            error = {"message": f"said {status}", "type": "of_the_model", "param": "x", "code": "own"}
            fields = ["x-request-id: model-7", "retry-after: 3"]
            await self.answer(writer, status, {"error": error}, *fields)
        elif asked.get("stream"):
            await self.stream(reader, writer)
        else:
            message = {"role": "assistant", "content": "".join(WORDS)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
            await self.answer(writer, 200, whole | {"choices": [choice]})

    async def stream(self, reader, writer):
        fields = ["content-type: text/event-stream", "transfer-encoding: chunked", "cache-control: no-cache"]
        writer.write("\r\n".join(["HTTP/1.1 200 OK", *fields, "", ""]).encode())
        self.sent = 0
        gone = asyncio.ensure_future(reader.read(1))
        for number, word in enumerate(WORDS):
            if number:
                next_one = asyncio.ensure_future(self.may_go_on.acquire())
                await asyncio.wait([gone, next_one], return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    next_one.cancel()
                    await self.left.put(self.sent)
                    raise ConnectionError("the client left")
            choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
            piece = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
            self.event(writer, json.dumps(piece | {"choices": [choice]}))
            self.sent += 1
            await writer.drain()
        # Before the end is told: the next byte after it is the next request's.
        gone.cancel()
        await asyncio.wait([gone])
        self.event(writer, "[DONE]")
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    def event(self, writer, data):
        text = f"data: {data}\n\n".encode()
        writer.write(b"%x\r\n%s\r\n" % (len(text), text))


async def main():
    model = Model()
    stage = await enter_aside(model=await model.start())

    def client(kind):
        if kind == "plain":
            base, http = f"http://{stage.plain}/v1", openai.DefaultAsyncHttpxClient(trust_env=False)
        else:
            base = f"https://{stage.secure}/v1"
            options = {"verify": stage.trust, "http2": kind == "http2", "trust_env": False}
            http = openai.DefaultAsyncHttpxClient(**options)
        return openai.AsyncOpenAI(api_key="sk-only-for-tests", base_url=base, http_client=http, max_retries=0)

    question = {"model": "m", "messages": [{"role": "user", "content": "Is it open?"}]}

    async def a_whole_answer(kind):
        async with client(kind) as sdk:
            answer = await sdk.chat.completions.with_raw_response.create(**question)
            equal(answer.parse().choices[0].message.content, "The gate is open.")
            equal(answer.headers["x-portcullis-release"], "1.0")
            # The key passes, and is the client's own.
            path, fields, asked = model.asked[-1]
            equal((path, fields["authorization"]), ("/v1/chat/completions", "bearer sk-only-for-tests"))
            equal(asked["messages"], question["messages"])
            version = "HTTP/2" if kind == "http2" else "HTTP/1.1"
            equal(answer.http_response.http_version, version)

    async def each_word_is_here_before_the_next_is_sent(kind):
        async with client(kind) as sdk:
            stream = await sdk.chat.completions.create(**question, stream=True)
            number = 0
            async for piece in stream:
                equal(piece.choices[0].delta.content, WORDS[number])
                number += 1
                equal(model.sent, number)
                model.may_go_on.release()
            equal(number, len(WORDS))
            # The last permit was one too many.
            await model.may_go_on.acquire()

    async def a_client_that_leaves_frees_the_model(kind):
        async with client(kind) as sdk:
            stream = await sdk.chat.completions.create(**question, stream=True)
            async for piece in stream:
                equal(piece.choices[0].delta.content, "The")
                break
            await stream.close()
            if kind == "http2":
                # The SDK's HTTP library never resets a stream of HTTP/2; it closes connections.
                await sdk.close()
                with within(2):
                    equal(await model.left.get(), 1)
                return
            with within(2):
                equal(await model.left.get(), 1)
            await ask_aside("idle")
            # The client's connection goes on, or a new one is made.
            answer = await sdk.chat.completions.create(**question)
            equal(answer.choices[0].message.content, "The gate is open.")

    async def a_cancelled_task_frees_the_model(kind):
        async with client(kind) as sdk:
            first = asyncio.Event()

            async def read():
                async for _ in await sdk.chat.completions.create(**question, stream=True):
                    first.set()

            task = asyncio.create_task(read())
            await first.wait()
            task.cancel()
            if kind == "http2":
                await asyncio.wait([task])
                await sdk.close()
            with within(2):
                equal(await model.left.get(), 1)
            await asyncio.wait([task])
            await ask_aside("idle")

    async def errors_pass_with_status_and_body(kind):
        kinds = {
            400: openai.BadRequestError,
            401: openai.AuthenticationError,
            404: openai.NotFoundError,
            422: openai.UnprocessableEntityError,
            429: openai.RateLimitError,
            500: openai.InternalServerError,
            503: openai.InternalServerError,
        }
        async with client(kind) as sdk:
            for status, error in kinds.items():
                for stream in (False, True):
                    with fails(error) as caught:
                        asked = question | {"model": f"status-{status}", "stream": stream}
                        await sdk.chat.completions.create(**asked)
                    equal((caught.error.status_code, caught.error.body["message"]), (status, f"said {status}"))
                    equal((caught.error.code, caught.error.response.headers["retry-after"]), ("own", "3"))

    async def many_streams_at_once(kind):
        async with client(kind) as sdk:
            for _ in range(len(WORDS) * 20 - 20):
                model.may_go_on.release()

            async def read():
                stream = await sdk.chat.completions.create(**question, stream=True)
                return "".join([piece.choices[0].delta.content async for piece in stream])

            equal(set(await asyncio.gather(*(read() for _ in range(20)))), {"The gate is open."})

    scenarios = (
        a_whole_answer,
        each_word_is_here_before_the_next_is_sent,
        a_client_that_leaves_frees_the_model,
        a_cancelled_task_frees_the_model,
        errors_pass_with_status_and_body,
        many_streams_at_once,
    )
    await each_aside([(one, kind) for kind in ("plain", "http1", "http2") for one in scenarios])


asyncio.run(main())
