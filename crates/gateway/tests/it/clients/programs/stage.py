"""How a program speaks with the test that runs it: in lines of JSON on its standard input and output."""

import asyncio
import contextlib
import json
import ssl
import sys
import time
import types


def say(what):
    print(json.dumps(what), flush=True)


def hear():
    line = sys.stdin.readline()
    if not line:
        sys.exit("the test went away")
    return json.loads(line)


def ask(do, **more):
    """Asks the test to do something, and waits until it is done."""
    say({"do": do, **more})
    return hear()


async def ask_aside(do, **more):
    """The same, while everything else goes on."""
    return await asyncio.to_thread(ask, do, **more)


def enter(**servers):
    """Says where the servers listen, and hears where the gateway is."""
    say(servers)
    return staged(hear())


async def enter_aside(**servers):
    """The same, while the servers serve."""
    say(servers)
    return staged(await asyncio.to_thread(hear))


def staged(said):
    stage = types.SimpleNamespace(**said)
    if stage.secure:
        stage.secure = "localhost:" + stage.secure.rpartition(":")[2]
        stage.trust = ssl.create_default_context(cafile=stage.authority)
    return stage


def equal(found, wanted):
    assert found == wanted, f"found {found!r}, wanted {wanted!r}"


@contextlib.contextmanager
def fails(kind):
    """What is inside fails in this way; the failure is in `.error` afterwards."""
    caught = types.SimpleNamespace(error=None)
    try:
        yield caught
    except kind as error:
        caught.error = error
        return
    raise AssertionError(f"nothing failed with {kind}")


@contextlib.contextmanager
def within(seconds):
    """What is inside takes less time than this."""
    start = time.monotonic()
    yield
    took = time.monotonic() - start
    assert took < seconds, f"took {took:.2f} s, wanted less than {seconds} s"


def each(scenarios):
    """Runs scenarios one after the other, and names the one that failed."""
    for scenario, *arguments in scenarios:
        try:
            scenario(*arguments)
        except BaseException:
            print(f"in {scenario.__name__}{tuple(arguments)}:", file=sys.stderr)
            raise


async def each_aside(scenarios):
    """The same for coroutines."""
    for scenario, *arguments in scenarios:
        try:
            async with asyncio.timeout(30):
                await scenario(*arguments)
        except BaseException:
            print(f"in {scenario.__name__}{tuple(arguments)}:", file=sys.stderr)
            raise
