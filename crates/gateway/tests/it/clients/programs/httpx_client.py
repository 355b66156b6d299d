"""httpx as a client: HTTP/1.1 in plain text and over TLS, HTTP/2 over TLS."""

import asyncio

import httpx

from stage import ask, each, enter, equal

stage = enter()
swallowed = 0


def client(kind):
    if kind == "plain":
        return httpx.Client(base_url=f"http://{stage.plain}", trust_env=False)
    http2 = kind == "http2"
    base = f"https://{stage.secure}"
    return httpx.Client(base_url=base, verify=stage.trust, http2=http2, trust_env=False)


def version(kind):
    return "HTTP/2" if kind == "http2" else "HTTP/1.1"


def connections_are_reused(kind):
    with client(kind) as asked:
        ports = set()
        for number in range(20):
            answer = asked.get("/who") if number % 2 else asked.post("/echo", content=b"old")
            equal((answer.status_code, answer.text), (200, "old"))
            equal(answer.http_version, version(kind))
            stream = answer.extensions["network_stream"]
            try:
                ports.add(stream.get_extra_info("client_addr")[1])
            except OSError:
                raise AssertionError(f"{number} {answer.http_version} {answer.headers}")
        equal(len(ports), 1)


def an_upload_arrives_while_it_is_made(kind):
    global swallowed

    def parts():
        global swallowed
        for number in range(3):
            yield b"hello"
            swallowed += 5
            # The next part is made only after this one has passed the gateway.
            equal(ask("swallowed", bytes=swallowed), swallowed)

    with client(kind) as asked:
        answer = asked.post("/swallow", content=parts())
        equal(answer.text, str(swallowed))


def a_download_is_read_as_it_comes(kind):
    with client(kind) as asked, asked.stream("GET", "/sse") as answer:
        equal(answer.headers["content-type"], "text/event-stream")
        events = answer.iter_text()
        for number in range(3):
            equal(next(events), f"data: {number}\n\n")
            ask("permit")
        equal("".join(events), "")


def large_bodies_pass_both_ways(kind):
    sent = bytes(range(256)) * 8192
    with client(kind) as asked:
        equal(asked.post("/echo", content=sent).content == sent, True)
        pieces = [sent[at : at + 70_000] for at in range(0, len(sent), 70_000)]
        equal(asked.post("/echo", content=iter(pieces)).content == sent, True)
        equal(asked.get("/big").content == b"b" * (10 << 20), True)


def trailers_do_no_harm(kind):
    # httpx drops trailers; the body must end where it ends, and the connection goes on.
    with client(kind) as asked:
        for _ in range(3):
            answer = asked.post("/trailers", content=b"hello", headers={"te": "trailers"})
            equal((answer.content, answer.headers["trailer"]), (b"hello", "x-length, x-sum"))


def headers_pass(kind):
    with client(kind) as asked:
        sent = {"x-own": "one", "cookie": "a=1; b=2", "accept-language": "de"}
        answer = asked.get("/headers?q=a%20b%26c", headers=sent)
        lines = answer.text.splitlines()
        equal(lines[0], "GET /headers?q=a%20b%26c")
        for name, value in sent.items():
            equal(f"{name}: {value}" in lines, True)
        scheme = "http" if kind == "plain" else "https"
        equal(f"x-forwarded-proto: {scheme}" in lines, True)
        equal("x-private" in answer.headers, False)


def a_download_that_is_left_half_read_is_let_go(kind):
    with client(kind) as asked:
        with asked.stream("GET", "/big") as answer:
            next(answer.iter_bytes())
        equal(asked.get("/who").text, "old")


def many_at_once(kind):
    async def run():
        base, secure = f"https://{stage.secure}", kind != "plain"
        options = {"verify": stage.trust, "http2": kind == "http2"} if secure else {}
        base = base if secure else f"http://{stage.plain}"
        async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=20, **options) as asked:
            bodies = [f"body {number}" * 100 for number in range(100)]
            answers = await asyncio.gather(*(asked.post("/echo", content=body) for body in bodies))
            equal([answer.text for answer in answers], bodies)

    asyncio.run(run())


each(
    (scenario, kind)
    for kind in ("plain", "http1", "http2")
    for scenario in (
        connections_are_reused,
        an_upload_arrives_while_it_is_made,
        a_download_is_read_as_it_comes,
        large_bodies_pass_both_ways,
        trailers_do_no_harm,
        headers_pass,
        a_download_that_is_left_half_read_is_let_go,
        many_at_once,
    )
)
