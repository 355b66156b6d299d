"""The OpenAI SDK with a service whose answers hold an address that nobody told it, behind a gateway that blocks them."""

import asyncio
import json

import openai

from stage import each_aside, enter_aside, equal

ADDRESS = "bo.tran@example.com"


async def answer(reader, writer):
    """Says the same in a stream or at once, on a connection that stays."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        asked = json.loads(await reader.readexactly(int(length.split(b":")[1])))
        if asked.get("stream"):
            kind, body = "text/event-stream", ""
            for text in ("Ask ", f"{ADDRESS} now", " and more"):
                chunk = {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}}]}
                body += f"data: {json.dumps(chunk)}\n\n"
            body += "data: [DONE]\n\n"
        else:
            kind, message = "application/json", {"role": "assistant", "content": f"Ask {ADDRESS}"}
            body = json.dumps({"id": "c", "object": "chat.completion", "choices": [{"index": 0, "message": message}]})
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()


async def serve(reader, writer):
    try:
        await answer(reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    stage = await enter_aside(model=f"{host}:{port}")
    http = openai.DefaultAsyncHttpxClient(trust_env=False)
    sdk = openai.AsyncOpenAI(api_key="sk-only-for-tests", base_url=f"http://{stage.plain}/v1", http_client=http, max_retries=0)
    question = {"model": "m", "messages": [{"role": "user", "content": "Whom do I ask?"}]}

    async def a_stream_ends_with_an_error_of_the_api():
        text = ""
        try:
            async for chunk in await sdk.chat.completions.create(**question, stream=True):
                text += chunk.choices[0].delta.content or ""
        except openai.APIError as error:
            equal(type(error), openai.APIError)
            equal(error.code, "masking_leaked")
            assert "personal or secret" in error.message, error.message
        else:
            raise AssertionError(f"no error after {text!r}")
        equal(text, "Ask ")

    async def a_whole_answer_is_refused():
        try:
            answer = await sdk.chat.completions.create(**question)
        except openai.InternalServerError as error:
            equal(error.status_code, 502)
            assert ADDRESS not in str(error.body), error.body
        else:
            raise AssertionError(f"no error but {answer}")

    await each_aside([(a_stream_ends_with_an_error_of_the_api,), (a_whole_answer_is_refused,), (a_stream_ends_with_an_error_of_the_api,)])


asyncio.run(main())
