"""Anthropic's SDK as a client behind masking, side by side with the same SDK straight at the model."""

import asyncio
import json

import anthropic

from model import CUT, MASKED, SAID, Model, arguments, unseen
from stage import each_aside, enter_aside, equal
from through import Wires, alike, alike_events, as_sent


async def main():
    model = Model()
    behind, direct = await model.start()
    stage = await enter_aside(model=behind)
    wires = Wires()

    def client(address, hooks):
        http = anthropic.DefaultAsyncHttpxClient(trust_env=False, event_hooks={"request": hooks})
        return anthropic.AsyncAnthropic(api_key="sk-only-for-tests", base_url=f"http://{address}", http_client=http, max_retries=0)

    sdk, straight = client(stage.plain, [wires]), client(direct, [])
    question = {"model": "m", "max_tokens": 2048, "system": "Repeat.", "messages": [{"role": "user", "content": SAID}]}
    question |= {"metadata": {"user_id": "EMAIL_1"}}
    schema = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
    tools = [{"name": "send", "description": "Sends.", "input_schema": schema}]
    thinking = {"type": "enabled", "budget_tokens": 1024}
    everything = question | {"tools": tools, "thinking": thinking}

    async def read(create):
        """The bytes of an answer as they come."""
        async with create as answer:
            return b"".join([piece async for piece in answer.iter_bytes()])

    def holds(message):
        """The message of the model is what was said; its thinking is as it signed it."""
        thought, redacted, text, call = message.content
        equal((thought.thinking, thought.signature, redacted.data), (f"They said {MASKED}", "EMAIL_1==", "PHONE_1=="))
        equal(text.text, SAID)
        equal((call.id, call.name, call.input), ("toolu_CARD_1", "send", json.loads(arguments(SAID))))
        equal((message.id, message.stop_reason, message.usage.output_tokens), ("msg_EMAIL_1", "tool_use", 7))

    async def a_whole_answer():
        through = await sdk.messages.with_raw_response.create(**question, tools=tools)
        text, call = (await through.parse()).content
        equal((text.text, call.input), (SAID, json.loads(arguments(SAID))))
        equal(through.headers["request-id"], "req_EMAIL_1")
        direct = await straight.messages.with_raw_response.create(**question, tools=tools)
        alike(await through.text(), await direct.text())

    async def a_whole_answer_with_thinking():
        holds(await sdk.messages.create(**everything))

    async def a_stream_of_events():
        asked = everything | {"stream": True}
        texts = {"text": "", "partial_json": "", "thinking": ""}
        async for event in await sdk.messages.create(**asked):
            if event.type == "content_block_delta":
                for name in texts:
                    texts[name] += getattr(event.delta, name, "")
        equal(texts["text"], SAID)
        equal(json.loads(texts["partial_json"]), json.loads(arguments(SAID)))
        equal(texts["thinking"], f"They said {MASKED}")
        through = await read(sdk.messages.with_streaming_response.create(**asked))
        alike_events(through, await read(straight.messages.with_streaming_response.create(**asked)))

    async def a_stream_that_the_sdk_joins():
        async with sdk.messages.stream(**everything) as stream:
            text = "".join([piece async for piece in stream.text_stream])
            holds(await stream.get_final_message())
        equal(text, SAID)

    async def a_second_turn_with_signed_thinking_and_what_came_of_a_call():
        first = await sdk.messages.create(**everything)
        came = arguments(SAID[:CUT])
        said = [block.model_dump(exclude_none=True) for block in first.content]
        for content in (came, [{"type": "text", "text": came}]):
            result = {"type": "tool_result", "tool_use_id": "toolu_CARD_1", "content": content}
            more = [{"role": "assistant", "content": said}, {"role": "user", "content": [result, {"type": "text", "text": SAID}]}]
            holds(await sdk.messages.create(**everything | {"messages": question["messages"] + more}))
            # The thinking came back to the model as it was.
            arrived = json.loads(model.bodies[-1][1])["messages"][1]["content"]
            equal(arrived[0], {"type": "thinking", "thinking": f"They said {MASKED}", "signature": "EMAIL_1=="})

    async def parts_of_the_system_and_of_a_message():
        parts = [{"type": "text", "text": SAID[:CUT]}, {"type": "text", "text": SAID[CUT:], "cache_control": {"type": "ephemeral"}}]
        asked = question | {"system": [{"type": "text", "text": SAID}], "messages": [{"role": "user", "content": parts}]}
        equal((await sdk.messages.create(**asked)).content[0].text, SAID)
        # The same in a beta, which has a query.
        equal((await sdk.beta.messages.create(**asked, betas=["some"])).content[0].text, SAID)

    async def tokens_are_counted():
        asked = {"model": "m", "messages": question["messages"], "system": SAID}
        through = await sdk.messages.with_raw_response.count_tokens(**asked)
        direct = await straight.messages.with_raw_response.count_tokens(**asked)
        alike(await through.text(), await direct.text())

    await each_aside(
        [
            (a_whole_answer,),
            (a_whole_answer_with_thinking,),
            (a_stream_of_events,),
            (a_stream_that_the_sdk_joins,),
            (a_second_turn_with_signed_thinking_and_what_came_of_a_call,),
            (parts_of_the_system_and_of_a_message,),
            (tokens_are_counted,),
        ]
    )
    unseen(model.seen)
    as_sent(model, wires.sent)


asyncio.run(main())
