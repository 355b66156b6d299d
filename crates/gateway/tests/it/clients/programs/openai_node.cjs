// The OpenAI SDK for Node.js as a client behind masking, side by side with the same SDK straight at the model
// (model_alone.py).
"use strict";
const assert = require("node:assert/strict");
const { createInterface } = require("node:readline");
const OpenAI = require("openai");

const sent = [];

/** What came of the first line of the test. */
async function enter() {
  console.log("{}");
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    return JSON.parse(line);
  }
  throw new Error("the test went away");
}

/** An event without the piece of text that it has: all that must be the same, however the text is cut. */
function shape(event) {
  if (typeof event.delta === "string") event.delta = "";
  delete event.sequence_number;
  for (const choice of event.choices ?? []) {
    if ("content" in choice.delta) choice.delta.content = "";
    for (const call of choice.delta.tool_calls ?? []) call.function.arguments = "";
  }
  return JSON.stringify(event);
}

/** The shapes of a whole answer in events, one for pieces of the same text. */
function shapes(stream) {
  const found = [];
  for (const line of stream.split("\n").filter((line) => line)) {
    const one = line.startsWith("data: {") ? shape(JSON.parse(line.slice(6))) : line;
    // Where events have names, the last one like this is two lines above.
    if (!found.slice(-2).includes(one)) found.push(one);
  }
  return found;
}

async function main() {
  const stage = await enter();
  const SAID = stage.said;
  const ARGUMENTS = { to: SAID, quoted: `"${SAID}"`, count: 3 };
  const noting = (url, options) => {
    sent.push(options.body);
    return fetch(url, options);
  };
  const client = (address, fetch) =>
    new OpenAI({ apiKey: "sk-only-for-tests", baseURL: `http://${address}/v1`, maxRetries: 0, fetch });
  const [sdk, straight] = [client(stage.plain, noting), client(stage.direct)];
  const messages = [
    { role: "system", content: "Repeat." },
    { role: "user", content: SAID },
  ];
  const question = { model: "m", messages, user: "EMAIL_1", temperature: 0.1 };
  const parameters = { type: "object", properties: { to: { type: "string" } } };
  const tools = [{ type: "function", function: { name: "send", description: "Sends.", parameters } }];

  /** The text of both answers, as they came. */
  const texts = async (create) => {
    const answers = await Promise.all([create(sdk).asResponse(), create(straight).asResponse()]);
    return Promise.all(answers.map((answer) => answer.text()));
  };
  const alike = async (create) => {
    const [through, direct] = await texts(create);
    assert.equal(through, direct);
  };
  const alikeEvents = async (create) => {
    const [through, direct] = await texts(create);
    assert.deepEqual(shapes(through), shapes(direct));
  };

  const scenarios = {
    async aWholeAnswer() {
      const answer = await sdk.chat.completions.create({ ...question, tools });
      const { message } = answer.choices[0];
      assert.equal(message.content, SAID);
      assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), ARGUMENTS);
      assert.equal(answer.id, "EMAIL_1");
      await alike((sdk) => sdk.chat.completions.create({ ...question, tools }));
    },
    async aStream() {
      let text = "";
      let end = null;
      for await (const chunk of await sdk.chat.completions.create({ ...question, stream: true })) {
        text += chunk.choices[0]?.delta.content ?? "";
        end = chunk.choices[0]?.finish_reason ?? end;
      }
      assert.equal(text, SAID);
      assert.equal(end, "stop");
      await alikeEvents((sdk) => sdk.chat.completions.create({ ...question, stream: true }));
    },
    async aCallOfAToolInAStream() {
      let said = "";
      for await (const chunk of await sdk.chat.completions.create({ ...question, tools, stream: true })) {
        for (const call of chunk.choices[0]?.delta.tool_calls ?? []) said += call.function.arguments ?? "";
      }
      assert.deepEqual(JSON.parse(said), ARGUMENTS);
      await alikeEvents((sdk) => sdk.chat.completions.create({ ...question, tools, stream: true }));
    },
    async aStreamThatTheSdkJoins() {
      const stream = sdk.chat.completions.stream({ ...question, tools });
      const { message } = (await stream.finalChatCompletion()).choices[0];
      assert.equal(message.content, SAID);
      assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), ARGUMENTS);
    },
    async theResponsesApi() {
      const asked = { model: "m", input: SAID, instructions: `They say: ${SAID}` };
      const answer = await sdk.responses.create(asked);
      assert.equal(answer.output_text, SAID);
      assert.deepEqual(JSON.parse(answer.output[1].arguments), ARGUMENTS);
      await alike((sdk) => sdk.responses.create(asked));
    },
    async theResponsesApiInAStream() {
      const asked = { model: "m", input: [{ role: "user", content: [{ type: "input_text", text: SAID }] }], stream: true };
      const [text, call, numbers] = [[], [], []];
      for await (const event of await sdk.responses.create(asked)) {
        numbers.push(event.sequence_number);
        if (event.type === "response.output_text.delta") text.push(event.delta);
        if (event.type === "response.output_text.done") assert.equal(event.text, SAID);
        if (event.type === "response.function_call_arguments.delta") call.push(event.delta);
        if (event.type === "response.completed") assert.equal(event.response.output[0].content[0].text, SAID);
      }
      assert.equal(text.join(""), SAID);
      assert.deepEqual(JSON.parse(call.join("")), ARGUMENTS);
      assert.deepEqual(numbers, [...numbers.keys()]);
      await alikeEvents((sdk) => sdk.responses.create(asked));
      const { stream, ...rest } = asked;
      const joined = await sdk.responses.stream(rest).finalResponse();
      assert.equal(joined.output_text, SAID);
    },
    async embeddings() {
      const asked = { model: "m", input: [SAID, "nothing"] };
      assert.deepEqual((await sdk.embeddings.create(asked)).data[0].embedding, [0.5]);
      await alike((sdk) => sdk.embeddings.create({ ...asked, encoding_format: "float" }));
    },
  };
  for (const [name, scenario] of Object.entries(scenarios)) {
    try {
      await scenario();
    } catch (error) {
      console.error(`in ${name}:`);
      throw error;
    }
  }
  // The model looks through what it got.
  const looked = await fetch(`http://${stage.direct}/check`, { method: "POST", body: JSON.stringify(sent) });
  assert.equal((await looked.json()).fault, null);
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
