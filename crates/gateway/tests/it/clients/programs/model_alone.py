"""The model server for clients that are no Python programs: it serves until the test goes away."""

import asyncio

from model import SAID, Model
from stage import say


async def main():
    model, direct = await Model().start()
    say({"model": model, "direct": direct, "said": SAID})
    await asyncio.Event().wait()


asyncio.run(main())
