"""The OpenAI SDK as a client behind masking, side by side with the same SDK straight at the model."""

import asyncio
import json

import openai

from model import CUT, SAID, Model, arguments, unseen
from stage import each_aside, enter_aside, equal
from through import Wires, alike, alike_events, as_sent


async def main():
    model = Model()
    behind, direct = await model.start()
    stage = await enter_aside(model=behind)
    wires = Wires()

    def client(address, hooks):
        http = openai.DefaultAsyncHttpxClient(trust_env=False, event_hooks={"request": hooks})
        return openai.AsyncOpenAI(api_key="sk-only-for-tests", base_url=f"http://{address}/v1", http_client=http, max_retries=0)

    sdk, straight = client(stage.plain, [wires]), client(direct, [])
    question = {"model": "m", "messages": [{"role": "system", "content": "Repeat."}, {"role": "user", "content": SAID}]}
    question |= {"user": "EMAIL_1", "temperature": 0.10, "seed": 7}
    function = {"name": "send", "description": "Sends.", "parameters": {"type": "object", "properties": {"to": {"type": "string"}}}}
    tools = [{"type": "function", "function": function}]

    async def read(create):
        """The bytes of an answer as they come."""
        async with create as answer:
            return b"".join([piece async for piece in answer.iter_bytes()])

    async def a_whole_answer():
        through = await sdk.chat.completions.with_raw_response.create(**question, tools=tools)
        message = through.parse().choices[0].message
        equal(message.content, SAID)
        equal(message.tool_calls[0].function.arguments, arguments(SAID))
        alike(through.text, (await straight.chat.completions.with_raw_response.create(**question, tools=tools)).text)

    async def parts_of_a_message():
        parts = [{"type": "text", "text": SAID[:CUT]}, {"type": "text", "text": SAID[CUT:]}]
        answer = await sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": parts}])
        equal(answer.choices[0].message.content, SAID)

    async def a_second_turn_with_a_call_and_what_came_of_it():
        call = {"id": "call", "type": "function", "function": {"name": "send", "arguments": arguments(SAID)}}
        turns = [*question["messages"], {"role": "assistant", "content": SAID, "tool_calls": [call]}]
        turns += [{"role": "tool", "tool_call_id": "call", "content": arguments(SAID[:CUT])}, {"role": "user", "content": SAID}]
        answer = await sdk.chat.completions.create(model="m", messages=turns)
        equal(answer.choices[0].message.content, SAID)

    async def a_stream():
        text, ends, usage = "", [], None
        async for chunk in await sdk.chat.completions.create(**question, stream=True):
            usage = chunk.usage or usage
            if chunk.choices:
                text += chunk.choices[0].delta.content or ""
                ends.append(chunk.choices[0].finish_reason)
        equal(text, SAID)
        equal(ends[-1], "stop")
        equal(usage.total_tokens, 18)
        asked = question | {"stream": True}
        through = await read(sdk.chat.completions.with_streaming_response.create(**asked))
        alike_events(through, await read(straight.chat.completions.with_streaming_response.create(**asked)))

    async def a_call_of_a_tool_in_a_stream():
        said, ids = "", []
        async for chunk in await sdk.chat.completions.create(**question, stream=True, tools=tools):
            for call in chunk.choices[0].delta.tool_calls or [] if chunk.choices else []:
                said += call.function.arguments or ""
                ids.append(call.id)
        equal(json.loads(said), json.loads(arguments(SAID)))
        equal(set(ids[1:]) - {None}, set())
        asked = question | {"stream": True, "tools": tools}
        through = await read(sdk.chat.completions.with_streaming_response.create(**asked))
        alike_events(through, await read(straight.chat.completions.with_streaming_response.create(**asked)))
        async with sdk.chat.completions.stream(**question, tools=tools) as stream:
            message = (await stream.get_final_completion()).choices[0].message
        equal(message.content, SAID)
        equal(json.loads(message.tool_calls[0].function.arguments), json.loads(arguments(SAID)))

    async def the_responses_api():
        asked = {"model": "m", "input": SAID, "instructions": f"They say: {SAID}", "user": "EMAIL_1"}
        through = await sdk.responses.with_raw_response.create(**asked)
        equal(through.parse().output_text, SAID)
        equal(through.parse().output[1].arguments, arguments(SAID))
        alike(through.text, (await straight.responses.with_raw_response.create(**asked)).text)

    async def the_responses_api_in_a_stream():
        asked = {"model": "m", "input": [{"role": "user", "content": [{"type": "input_text", "text": SAID}]}], "stream": True}
        text, call, numbers = "", "", []
        async for event in await sdk.responses.create(**asked):
            numbers.append(event.sequence_number)
            match event.type:
                case "response.output_text.delta":
                    text += event.delta
                case "response.output_text.done":
                    equal(event.text, SAID)
                case "response.function_call_arguments.delta":
                    call += event.delta
                case "response.function_call_arguments.done":
                    equal(event.arguments, arguments(SAID))
                case "response.completed":
                    equal(event.response.output_text, SAID)
                    equal(event.response.output[1].arguments, arguments(SAID))
        equal(text, SAID)
        equal(json.loads(call), json.loads(arguments(SAID)))
        equal(numbers, list(range(len(numbers))))
        through = await read(sdk.responses.with_streaming_response.create(**asked))
        alike_events(through, await read(straight.responses.with_streaming_response.create(**asked)))

    async def embeddings():
        asked = {"model": "m", "input": [SAID, "nothing"]}
        answer = await sdk.embeddings.create(**asked)
        equal(answer.data[0].embedding, [0.5])
        through = await sdk.embeddings.with_raw_response.create(**asked, encoding_format="float")
        direct = await straight.embeddings.with_raw_response.create(**asked, encoding_format="float")
        alike(through.text, direct.text)

    await each_aside(
        [
            (a_whole_answer,),
            (parts_of_a_message,),
            (a_second_turn_with_a_call_and_what_came_of_it,),
            (a_stream,),
            (a_call_of_a_tool_in_a_stream,),
            (the_responses_api,),
            (the_responses_api_in_a_stream,),
            (embeddings,),
        ]
    )
    unseen(model.seen)
    as_sent(model, wires.sent)


asyncio.run(main())
