"""LiteLLM's proxy at a free port of this machine, with no way to any other; it ends with its standard input.

Runs with the packages of requirements-litellm.txt. It says where it listens, and afterwards what else it tried to reach.
"""

import gc
import json
import os
import socket
import sys
import threading

LOCAL = ("127.0.0.1", "::1", "localhost")


def say(what):
    print(json.dumps(what), file=said, flush=True)


def guard(event, arguments):
    """Nothing outside is reached, whatever a library may try."""
    host = None
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    if event == "socket.getaddrinfo":
        host = arguments[0]
    if host is not None and host not in LOCAL:
        say({"outside": str(host)})
        raise OSError(f"{host} is outside")


def end_with_the_test():
    sys.stdin.read()
    os._exit(0)


# What LiteLLM prints goes to standard error.
said = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
sys.addaudithook(guard)
threading.Thread(target=end_with_the_test, daemon=True).start()
# Two fifths of the time until it listens would go into looking for garbage among the definitions that it loads.
gc.disable()
import uvicorn
from litellm.proxy.proxy_server import app

gc.freeze()
gc.enable()


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        say({"listens": "127.0.0.1:%d" % sockets[0].getsockname()[1]})


listener = socket.create_server(("127.0.0.1", 0))
Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
