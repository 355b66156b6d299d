"""LiteLLM's proxy on both sides of a gateway that masks, and the OpenAI SDK in front of all.

`mock`: the SDK, the gateway, LiteLLM with answers of its own. `openai` and `claude`: the SDK, LiteLLM, the gateway, the
model, in the protocol of OpenAI and of Anthropic.
"""

import asyncio
import json
import os
import sys
import tempfile

import openai

from model import MASKED, SAID, Model, arguments, unseen
from stage import each_aside, enter_aside, equal

KEY = "sk-only-for-tests"


class Relay:
    """Passes bytes on to where it is told, and keeps those of the client."""

    def __init__(self):
        self.to = None
        self.seen = b""

    async def start(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return "127.0.0.1:%d" % server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        host, port = self.to.split(":")
        answers, requests = await asyncio.open_connection(host, int(port))
        await asyncio.gather(self.copy(reader, requests, True), self.copy(answers, writer, False))

    async def copy(self, reader, writer, is_kept):
        try:
            while piece := await reader.read(65536):
                if is_kept:
                    self.seen += piece
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


async def proxy(python, gateway, folder):
    """Starts LiteLLM: its process and where it listens."""
    through = {"api_key": KEY, "max_retries": 0}
    models = {
        "mock": {"model": "openai/m", "mock_response": MASKED, **through},
        "openai": {"model": "openai/m", "api_base": f"http://{gateway}/v1", **through},
        "claude": {"model": "anthropic/claude-3-5-haiku-20241022", "api_base": f"http://{gateway}", **through},
    }
    config = {
        # YAML reads JSON, but for escaped halves of characters and one character that ends its lines.
        "model_list": [{"model_name": name, "litellm_params": model} for name, model in models.items()],
        "litellm_settings": {"telemetry": False, "num_retries": 0, "drop_params": True},
        "general_settings": {"master_key": KEY},
    }
    path = os.path.join(folder, "litellm.yaml")
    with open(path, "w") as file:
        file.write(json.dumps(config, ensure_ascii=False).replace("\u2028", "\\u2028"))
    environment = {
        "CONFIG_FILE_PATH": path,
        "HOME": folder,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
        "LITELLM_LOCAL_BLOG_POSTS": "True",
        "LITELLM_TELEMETRY": "False",
        "DISABLE_ADMIN_UI": "True",
        "NO_DOCS": "True",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    program = os.path.join(os.path.dirname(__file__), "litellm_proxy.py")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        python, "-u", program, env=environment, cwd=folder, stdin=pipe, stdout=pipe
    )
    while line := await process.stdout.readline():
        said = json.loads(line)
        if "listens" in said:
            return process, said["listens"]
        raise AssertionError(f"LiteLLM wants to go outside: {said}")
    sys.exit(f"LiteLLM ended with {await process.wait()} before it listened")


async def main():
    model, relay = Model(), Relay()
    behind, _ = await model.start()
    stage = await enter_aside(model=behind, litellm=await relay.start())
    with tempfile.TemporaryDirectory() as folder:
        process, relay.to = await proxy(stage.python, stage.plain, folder)
        try:
            await play(stage, relay.to)
            unseen(relay.seen)
            unseen(model.seen)
        finally:
            process.stdin.close()
            rest = await process.stdout.read()
            await process.wait()
        equal(rest, b"")


async def play(stage, litellm):
    def client(address):
        http = openai.DefaultAsyncHttpxClient(trust_env=False)
        return openai.AsyncOpenAI(api_key=KEY, base_url=f"http://{address}/v1", http_client=http, max_retries=0)

    # The gateway in front of LiteLLM, and LiteLLM in front of the gateway.
    before, behind = client(stage.before), client(litellm)
    function = {"name": "send", "description": "Sends.", "parameters": {"type": "object", "properties": {"to": {"type": "string"}}}}
    tools = [{"type": "function", "function": function}]
    ways = [(behind, "openai"), (behind, "claude"), (before, "mock")]

    def asked(name):
        return {"model": name, "messages": [{"role": "system", "content": "Repeat."}, {"role": "user", "content": SAID}], "max_tokens": 500}

    async def whole_answers(sdk, name):
        answer = await sdk.chat.completions.create(**asked(name))
        equal(answer.choices[0].message.content, SAID)
        equal(answer.choices[0].finish_reason, "stop")

    async def streams(sdk, name):
        text, ends = "", []
        async for chunk in await sdk.chat.completions.create(**asked(name), stream=True):
            for choice in chunk.choices:
                text += choice.delta.content or ""
                ends.append(choice.finish_reason)
        equal(text, SAID)
        equal(set(ends), {None, "stop"})

    async def calls_of_tools(sdk, name):
        answer = await sdk.chat.completions.create(**asked(name), tools=tools)
        call = answer.choices[0].message.tool_calls[0].function
        equal((call.name, json.loads(call.arguments)), ("send", json.loads(arguments(SAID))))
        said = ""
        async for chunk in await sdk.chat.completions.create(**asked(name), tools=tools, stream=True):
            for choice in chunk.choices:
                for call in choice.delta.tool_calls or []:
                    said += call.function.arguments or ""
        equal(json.loads(said), json.loads(arguments(SAID)))

    async def the_responses_api(sdk, name):
        answer = await sdk.responses.create(model=name, input=SAID)
        equal(answer.output_text, SAID)

    async def the_responses_api_in_a_stream(sdk, name):
        text = ""
        async for event in await sdk.responses.create(model=name, input=SAID, stream=True):
            if event.type == "response.output_text.delta":
                text += event.delta
            if event.type == "response.completed":
                equal(event.response.output_text, SAID)
        equal(text, SAID)

    async def embeddings(sdk, name):
        answer = await sdk.embeddings.create(model=name, input=[SAID], encoding_format="float")
        equal(answer.data[0].embedding, [0.5])

    scenarios = [(one, *way) for way in ways for one in (whole_answers, streams, the_responses_api)]
    # LiteLLM's own answers are not to be had in this form.
    scenarios += [(one, *way) for way in ways[:2] for one in (calls_of_tools, the_responses_api_in_a_stream)]
    await each_aside([(embeddings, behind, "openai"), *scenarios])


asyncio.run(main())
