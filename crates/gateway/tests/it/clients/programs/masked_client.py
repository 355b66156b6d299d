"""The OpenAI SDK as a client behind masking, and a small model server that repeats what it was told, in pieces of three characters."""

import asyncio
import json

import openai

from stage import each_aside, enter_aside, equal

VALUES = ["jane.doe@example.com", "+1 415 555 2671", "4111 1111 1111 1111", "192.168.10.24"]
SAID = f"Write to {VALUES[0]}, call {VALUES[1]}, charge card {VALUES[2]}, look at {VALUES[3]}; then {VALUES[0]} again."


class Model:
    """Answers over HTTP/1.1 with the last message of the user."""

    def __init__(self):
        self.seen = b""

    async def start(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return "127.0.0.1:%d" % server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
                body = await reader.readexactly(int(fields.get("content-length", "0")))
                self.seen += head + body
                path = head.split()[1].decode()
                asked = json.loads(body)
                if path == "/v1/embeddings":
                    self.answer(writer, {"object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 1, "total_tokens": 1}})
                elif path == "/v1/responses":
                    self.responses(writer, asked)
                else:
                    self.chat(writer, asked)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def answer(self, writer, body):
        text = json.dumps(body).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n"
        writer.write(head.encode() + text)

    def chat(self, writer, asked):
        said = asked["messages"][-1]["content"]
        said = said if isinstance(said, str) else "".join(part["text"] for part in said)
        whole = {"id": "c", "created": 1, "model": "m"}
        arguments = json.dumps({"to": said, "quoted": f'"{said}"'})
        call = {"id": "call", "type": "function", "function": {"name": "send", "arguments": arguments}}
        if not asked.get("stream"):
            message = {"role": "assistant", "content": said}
            message |= {"tool_calls": [call]} if asked.get("tools") else {}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return self.answer(writer, whole | {"object": "chat.completion", "choices": [choice]})
        deltas = [{"content": said[at : at + 3]} for at in range(0, len(said), 3)]
        if asked.get("tools"):
            begun = {"index": 0, "id": "call", "type": "function", "function": {"name": "send", "arguments": ""}}
            more = [{"index": 0, "function": {"arguments": arguments[at : at + 3]}} for at in range(0, len(arguments), 3)]
            deltas = [{"tool_calls": [piece]} for piece in [begun, *more]]
        chunks = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        chunks.append({"index": 0, "delta": {}, "finish_reason": "stop"})
        events = [whole | {"object": "chat.completion.chunk", "choices": [chunk]} for chunk in chunks]
        self.stream(writer, [f"data: {json.dumps(event)}\n\n" for event in events] + ["data: [DONE]\n\n"])

    def responses(self, writer, asked):
        said = asked["input"]
        place = {"item_id": "item", "output_index": 0, "content_index": 0}
        part = {"type": "output_text", "text": said, "annotations": []}
        item = {"id": "item", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
        whole = {"id": "r", "object": "response", "created_at": 1, "model": "m", "status": "completed", "output": [item]}
        whole |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
        if not asked.get("stream"):
            return self.answer(writer, whole)
        events = [("response.output_text.delta", place | {"delta": said[at : at + 3], "logprobs": []}) for at in range(0, len(said), 3)]
        events.append(("response.output_text.done", place | {"text": said, "logprobs": []}))
        events.append(("response.output_item.done", {"output_index": 0, "item": item}))
        events.append(("response.completed", {"response": whole}))
        texts = []
        for number, (kind, event) in enumerate(events):
            texts.append(f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': number} | event)}\n\n")
        self.stream(writer, texts)

    def stream(self, writer, texts):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for text in texts:
            writer.write(b"%x\r\n%s\r\n" % (len(text.encode()), text.encode()))
        writer.write(b"0\r\n\r\n")


async def main():
    model = Model()
    stage = await enter_aside(model=await model.start())
    http = openai.DefaultAsyncHttpxClient(trust_env=False)
    sdk = openai.AsyncOpenAI(api_key="sk-only-for-tests", base_url=f"http://{stage.plain}/v1", http_client=http, max_retries=0)
    question = {"model": "m", "messages": [{"role": "system", "content": "Repeat."}, {"role": "user", "content": SAID}]}
    tools = [{"type": "function", "function": {"name": "send", "parameters": {"type": "object", "properties": {}}}}]

    async def a_whole_answer():
        answer = await sdk.chat.completions.create(**question, tools=tools)
        message = answer.choices[0].message
        equal(message.content, SAID)
        equal(json.loads(message.tool_calls[0].function.arguments), {"to": SAID, "quoted": f'"{SAID}"'})

    async def parts_of_a_message():
        parts = [{"type": "text", "text": SAID[:40]}, {"type": "text", "text": SAID[40:]}]
        answer = await sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": parts}])
        equal(answer.choices[0].message.content, SAID)

    async def a_stream():
        text, ends = "", []
        async for chunk in await sdk.chat.completions.create(**question, stream=True):
            text += chunk.choices[0].delta.content or ""
            ends.append(chunk.choices[0].finish_reason)
        equal(text, SAID)
        equal(ends[-1], "stop")

    async def a_call_of_a_tool_in_a_stream():
        arguments = ""
        async for chunk in await sdk.chat.completions.create(**question, stream=True, tools=tools):
            for call in chunk.choices[0].delta.tool_calls or []:
                arguments += call.function.arguments or ""
        equal(json.loads(arguments), {"to": SAID, "quoted": f'"{SAID}"'})

    async def the_responses_api():
        answer = await sdk.responses.create(model="m", input=SAID)
        equal(answer.output_text, SAID)
        text, numbers = "", []
        async for event in await sdk.responses.create(model="m", input=SAID, stream=True):
            numbers.append(event.sequence_number)
            if event.type == "response.output_text.delta":
                text += event.delta
            if event.type == "response.output_text.done":
                equal(event.text, SAID)
            if event.type == "response.completed":
                equal(event.response.output_text, SAID)
        equal(text, SAID)
        equal(numbers, list(range(len(numbers))))

    async def embeddings():
        answer = await sdk.embeddings.create(model="m", input=[SAID, "nothing"])
        equal(answer.data[0].embedding, [0.5])

    await each_aside([(a_whole_answer,), (parts_of_a_message,), (a_stream,), (a_call_of_a_tool_in_a_stream,), (the_responses_api,), (embeddings,)])
    for value in VALUES:
        assert value.encode() not in model.seen, value
    assert b"EMAIL_1" in model.seen and b"CARD_1" in model.seen


asyncio.run(main())
