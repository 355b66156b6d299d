"""Dify's own client behind masking; the test plays Dify and keeps what it got."""

import json

import requests
from dify_client import ChatClient, CompletionClient

from model import MASKED, SAID, VALUES, mask, unseen
from stage import ask, each, enter, equal

sent = []
send = requests.adapters.HTTPAdapter.send


def noting(adapter, request, **options):
    if isinstance(request.body, bytes) and b"form-data" not in request.body:
        sent.append(request.body)
    return send(adapter, request, **options)


requests.adapters.HTTPAdapter.send = noting
stage = enter()


def client(kind):
    made = kind("app-only-for-tests")
    made.base_url = f"http://{stage.plain}/v1"
    return made


chats, completions = client(ChatClient), client(CompletionClient)
ANSWER = f"You said: {SAID}"
USER = "EMAIL_1"


def good(response):
    equal(response.status_code, 200)
    return response.json()


def events(response):
    """The events of a stream: what was said in all, and the last event."""
    equal((response.status_code, response.headers["content-type"]), (200, "text/event-stream; charset=utf-8"))
    text, last = "", None
    for line in response.iter_lines(chunk_size=1):
        if line.startswith(b"data: "):
            last = json.loads(line[6:])
            text += last["answer"]
    return text, last


def a_conversation():
    first = good(chats.create_chat_message({"name": VALUES["EMAIL_1"]}, SAID, USER))
    equal((first["answer"], first["mode"], first["created_at"]), (ANSWER, "chat", 1))
    conversation = first["conversation_id"]
    # In its second turn the same values have the same names, and a new one is the second.
    more = f"And bob@example.org, or {VALUES['EMAIL_1']}?"
    text, last = events(chats.create_chat_message({}, more, USER, "streaming", conversation))
    equal((text, last["event"], last["conversation_id"]), (f"You said: {more}", "message_end", conversation))
    assert b"And EMAIL_2, or EMAIL_1?" in seen()
    kept = good(chats.get_conversation_messages(USER, conversation))
    equal([message["query"] for message in kept["data"]], [SAID, more])
    equal((kept["limit"], kept["has_more"]), (20, False))
    names = good(chats.get_conversations(USER, limit=20))["data"]
    equal([one["name"] for one in names if one["id"] == conversation], [SAID])
    suggested = good(chats._send_request("GET", f"/messages/{first['message_id']}/suggested", params={"user": USER}))
    equal(suggested["data"], [f"Who is {VALUES['EMAIL_1']},?"])
    named = good(chats.rename_conversation(conversation, f"About {VALUES['EMAIL_1']}", USER))
    equal(named["name"], f"About {VALUES['EMAIL_1']}")
    equal(good(chats.message_feedback(first["message_id"], "like", USER)), {"result": "success"})
    equal(good(chats.get_application_parameters(USER)), {"result": "success"})


def a_conversation_that_is_learnt_from_a_stream():
    text, last = events(chats.create_chat_message({}, SAID, USER, "streaming"))
    equal(text, ANSWER)
    kept = good(chats.get_conversation_messages(USER, last["conversation_id"]))
    equal([message["answer"] for message in kept["data"]], [SAID])
    again = good(chats.create_chat_message({}, SAID, USER, conversation_id=last["conversation_id"]))
    equal(again["answer"], ANSWER)


def completions_of_texts():
    whole = good(completions.create_completion_message({"query": SAID, "count": 3, "rate": 0.10}, "blocking", USER))
    equal(whole["answer"], ANSWER)
    text, last = events(completions.create_completion_message({"query": SAID}, "streaming", USER))
    equal((text, last["event"]), (ANSWER, "message_end"))


def a_file():
    text = f"Notes.\n{SAID}\n"
    answer = completions.file_upload(USER, {"file": ("notes.txt", text.encode(), "text/plain")})
    equal(good(answer), {"result": "success"})
    got = seen()
    assert b"Notes.\nWrite to EMAIL_1_" in got, got.decode()
    assert b'name="user"\r\n\r\nEMAIL_1\r\n' in got, got.decode()


def a_workflow():
    asked = {"inputs": {"text": SAID}, "response_mode": "blocking", "user": USER}
    run = good(chats._send_request("POST", "/workflows/run", json=asked))
    equal(run["data"]["outputs"]["text"], SAID)
    again = good(chats._send_request("GET", f"/workflows/run/{run['workflow_run_id']}"))
    equal(again["outputs"]["text"], SAID)


def seen():
    """Every byte that Dify got."""
    return ask("seen").encode()


each([(a_conversation,), (a_conversation_that_is_learnt_from_a_stream,), (completions_of_texts,), (a_file,), (a_workflow,)])
got = seen()
unseen(got)
assert b"bob@" not in got
# Every body arrived with nothing but the values changed; `files` and whatever else there is stayed.
for body in sent:
    if b"bob@" not in body:
        assert mask(body) in got, (mask(body), got)
assert json.dumps(MASKED).encode() in got
