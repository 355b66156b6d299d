"""A model server that speaks OpenAI's and Anthropic's protocols and repeats what it was told, in pieces of three characters.

It listens at two addresses: what arrives at the first one (the one behind the gateway) is kept, to be looked through.
"""

import asyncio
import base64
import json

KEY = base64.b64encode(bytes.fromhex("302e020100300506032b657004220420") + bytes(range(7, 39))).decode()
VALUES = {
    "EMAIL_1": "jane.doe@example.com",
    "PHONE_1": "+1 415 555 2671",
    "CARD_1": "4111 1111 1111 1111",
    "IP_PRIVATE_1": "192.168.10.24",
    # Has line ends, which are written otherwise in JSON, and otherwise again in JSON within JSON.
    "PRIVATE_KEY_1": f"-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----",
}
HIDDEN = (
    "Write to {EMAIL_1}, call {PHONE_1}, charge card {CARD_1}, look at {IP_PRIVATE_1}; then {EMAIL_1} again.\n"
    "\"Gặp ở Huế\" \\ 🚀\t{PRIVATE_KEY_1} \u2028 end"
)
SAID = HIDDEN.format(**VALUES)
MASKED = HIDDEN.format(**{name: name for name in VALUES})
# Between two values.
CUT = SAID.index("charge")
# Numbers in spellings that a program which reads and writes them would change, and texts that are no text of the model.
ODD = '"x_odd": [1.50e+2, -0.0, 10000000000000000000001, "\\/\\u00e9"], "x_id": "EMAIL_1"'


def dumps(value):
    """JSON as the model writes it: with something odd in every object that asks for it."""
    return json.dumps(value).replace('"x_odd": 0', ODD)


def spellings(value):
    """A value as it stands in a text, in JSON, and in JSON within JSON; with all or only ASCII characters."""
    for is_ascii in (True, False):
        spelled = value
        for _ in range(3):
            yield spelled
            spelled = json.dumps(spelled, ensure_ascii=is_ascii)[1:-1]


def mask(body):
    """What must come of the bytes of a request."""
    text = body.decode()
    for name, value in VALUES.items():
        for spelled in sorted(set(spellings(value)), key=len, reverse=True):
            text = text.replace(spelled, name)
    return text.encode()


def unseen(seen):
    """None of the values is in what came, not even in part."""
    # Long enough not to be in the number of a port.
    parts = ["jane.doe", "555 2671", "4111 1111", "168.10.24", KEY]
    for part in parts:
        assert part.encode() not in seen, f"{part} in {seen.decode()}"
    for name in VALUES:
        assert name.encode() in seen, f"no {name} in {seen.decode()}"


def shape(event):
    """An event without the piece of text that it has: all that must be the same, however the text is cut."""
    if "delta" in event:
        delta = event["delta"]
        if isinstance(delta, str):
            event = event | {"delta": ""}
        else:
            blank = {name: "" for name in ("text", "partial_json", "thinking") if name in delta}
            event = event | {"delta": delta | blank}
    for choice in event.get("choices", []):
        delta = choice["delta"]
        for name in ("content",):
            if name in delta:
                delta[name] = ""
        for call in delta.get("tool_calls", []):
            call["function"]["arguments"] = ""
    event.pop("sequence_number", None)
    return event


def shapes(stream):
    """The shapes of a whole answer in events, one for pieces of the same text."""
    found = []
    for line in filter(None, stream.decode().split("\n")):
        if line.startswith("data: {"):
            # Numbers as they are spelled, members in their order.
            line = json.dumps(shape(json.loads(line[6:], parse_int=str, parse_float=str)))
        # Where events have names, the last one like this is two lines above.
        if line not in found[-2:]:
            found.append(line)
    return found



class Model:
    """Answers over HTTP/1.1 with the last message of the user."""

    def __init__(self):
        # The bodies that came through the gateway, by path, and every byte.
        self.bodies = []
        self.seen = b""

    async def start(self):
        """The addresses: first the one whose requests are kept."""
        servers = [await asyncio.start_server(serve, "127.0.0.1", 0) for serve in (self.serve, self.serve_directly)]
        return ["127.0.0.1:%d" % server.sockets[0].getsockname()[1] for server in servers]

    async def serve_directly(self, reader, writer):
        await self.serve(reader, writer, is_kept=False)

    async def serve(self, reader, writer, is_kept=True):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
                body = await reader.readexactly(int(fields.get("content-length", "0")))
                path = head.split()[1].decode()
                if path == "/check":
                    await self.send(writer, *whole({"fault": self.fault(json.loads(body))}))
                    continue
                if is_kept:
                    self.seen += head + body
                    self.bodies.append((path, body))
                await self.send(writer, *answer(path, json.loads(body)))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def fault(self, sent):
        """What is wrong with what came, for clients in other languages: `sent` is the bodies as they sent them."""
        try:
            unseen(self.seen)
            assert [body for _, body in self.bodies] == [mask(body.encode()) for body in sent], (self.bodies, sent)
        except AssertionError as fault:
            return str(fault)

    async def send(self, writer, kind, pieces):
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nrequest-id: req_EMAIL_1\r\n"
        if kind == "application/json":
            body = "".join(pieces).encode()
            writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            return await writer.drain()
        writer.write(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
        # In chunks that know nothing of events and characters.
        body = "".join(pieces).encode()
        for at in range(0, len(body), 101):
            piece = body[at : at + 101]
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()


def answer(path, asked):
    """The media type and the pieces of the answer to a request."""
    path = path.partition("?")[0]
    if path == "/v1/embeddings":
        # As numbers for those who ask so, else as the SDKs want them: their bytes in base64.
        vector = [0.5] if asked.get("encoding_format") == "float" else "AAAAPw=="
        entry = {"object": "embedding", "index": 0, "embedding": vector}
        return whole({"object": "list", "model": "m", "data": [entry], "usage": {"prompt_tokens": 1, "total_tokens": 1}, "x_odd": 0})
    if path == "/v1/responses":
        return responses(asked)
    if path == "/v1/messages/count_tokens":
        return whole({"input_tokens": 17, "x_odd": 0})
    if path == "/v1/messages":
        return messages(asked)
    return chat(asked)


def whole(body):
    return "application/json", [dumps(body)]


def events(all, is_named=True):
    """Events that also have their type as their name, or none, as chats."""
    return "text/event-stream; charset=utf-8", [(f"event: {event['type']}\n" if is_named else "") + f"data: {dumps(event)}\n\n" for event in all]


def cut(text):
    return [text[at : at + 3] for at in range(0, len(text), 3)]


def told(message):
    """The text of a message."""
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def arguments(said):
    return json.dumps({"to": said, "quoted": f'"{said}"', "count": 3})


def chat(asked):
    said = told(asked["messages"][-1])
    base = {"id": "EMAIL_1", "created": 1, "model": asked["model"], "system_fingerprint": "fp_PHONE_1", "x_odd": 0}
    call = {"id": "CARD_1", "type": "function", "function": {"name": "send", "arguments": arguments(said)}}
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    if not asked.get("stream"):
        message = {"role": "assistant", "content": said, "refusal": None}
        message |= {"tool_calls": [call]} if asked.get("tools") else {}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls" if asked.get("tools") else "stop"}
        return whole(base | {"object": "chat.completion", "choices": [choice], "usage": usage})
    deltas = [{"role": "assistant", "content": ""}] + [{"content": piece} for piece in cut(said)]
    if asked.get("tools"):
        begun = {"index": 0, "id": "CARD_1", "type": "function", "function": {"name": "send", "arguments": ""}}
        more = [{"index": 0, "function": {"arguments": piece}} for piece in cut(arguments(said))]
        deltas += [{"tool_calls": [piece]} for piece in [begun, *more]]
    choices = [[{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}] for delta in deltas]
    choices.append([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}])
    chunks = [base | {"object": "chat.completion.chunk", "choices": choice} for choice in choices]
    chunks.append(base | {"object": "chat.completion.chunk", "choices": [], "usage": usage})
    kind, pieces = events(chunks, is_named=False)
    return kind, [*pieces, "data: [DONE]\n\n"]


def responses(asked):
    said = asked["input"] if isinstance(asked["input"], str) else told(asked["input"][-1])
    place = {"item_id": "item", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": said, "annotations": []}
    item = {"id": "item", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    call = {"id": "call", "type": "function_call", "call_id": "CARD_1", "name": "send", "status": "completed", "arguments": arguments(said)}
    response = {"id": "r", "object": "response", "created_at": 1, "model": "m", "status": "completed", "output": [item, call]}
    response |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "instructions": asked.get("instructions"), "x_odd": 0}
    if not asked.get("stream"):
        return whole(response)
    begun = response | {"status": "in_progress", "output": []}
    all = [{"type": f"response.{state}", "response": begun} for state in ("created", "in_progress")]
    all.append({"type": "response.output_item.added", "output_index": 0, "item": item | {"status": "in_progress", "content": []}})
    all.append({"type": "response.content_part.added", **place, "part": part | {"text": ""}})
    all += [{"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []} for piece in cut(said)]
    all.append({"type": "response.output_text.done", **place, "text": said, "logprobs": []})
    all.append({"type": "response.content_part.done", **place, "part": part})
    all.append({"type": "response.output_item.done", "output_index": 0, "item": item})
    place = {"item_id": "call", "output_index": 1}
    all.append({"type": "response.output_item.added", "output_index": 1, "item": call | {"status": "in_progress", "arguments": ""}})
    all += [{"type": "response.function_call_arguments.delta", **place, "delta": piece} for piece in cut(arguments(said))]
    all.append({"type": "response.function_call_arguments.done", **place, "name": "send", "arguments": arguments(said)})
    all.append({"type": "response.output_item.done", "output_index": 1, "item": call})
    all.append({"type": "response.completed", "response": response})
    return events([event | {"sequence_number": number} for number, event in enumerate(all)])


def messages(asked):
    said = told(asked["messages"][-1])
    blocks = [{"type": "text", "text": said}]
    if asked.get("thinking"):
        # Signed, so that it can neither be changed on the way there nor back.
        blocks.insert(0, {"type": "thinking", "thinking": f"They said {said}", "signature": "EMAIL_1=="})
        blocks.insert(1, {"type": "redacted_thinking", "data": "PHONE_1=="})
    if asked.get("tools"):
        blocks.append({"type": "tool_use", "id": "toolu_CARD_1", "name": "send", "input": json.loads(arguments(said))})
    base = {"id": "msg_EMAIL_1", "type": "message", "role": "assistant", "model": asked["model"]}
    ended = {"stop_reason": "tool_use" if asked.get("tools") else "end_turn", "stop_sequence": None}
    usage = {"input_tokens": 11, "output_tokens": 7}
    if not asked.get("stream"):
        return whole(base | {"content": blocks} | ended | {"usage": usage, "x_odd": 0})
    begun = base | {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage, "x_odd": 0}
    all = [{"type": "message_start", "message": begun}]
    for index, block in enumerate(blocks):
        deltas = []
        match block["type"]:
            case "text":
                deltas = [{"type": "text_delta", "text": piece} for piece in cut(said)]
                block = block | {"text": ""}
            case "thinking":
                deltas = [{"type": "thinking_delta", "thinking": piece} for piece in cut(block["thinking"])]
                deltas.append({"type": "signature_delta", "signature": block["signature"]})
                block = block | {"thinking": "", "signature": ""}
            case "tool_use":
                deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *cut(json.dumps(block["input"]))]]
                block = block | {"input": {}}
        all.append({"type": "content_block_start", "index": index, "content_block": block})
        all.append({"type": "ping"})
        all += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        all.append({"type": "content_block_stop", "index": index})
    all.append({"type": "message_delta", "delta": ended, "usage": {"output_tokens": 7}})
    all.append({"type": "message_stop"})
    return events(all)
