"""SDKs through the gateway and straight to the model, side by side: what a client hears must be the same."""

from model import mask, shapes
from stage import equal


class Wires:
    """Notes the bytes of requests as an SDK's HTTP library sends them."""

    def __init__(self):
        self.sent = []

    async def __call__(self, request):
        self.sent.append((request.url.raw_path.decode(), request.content))


def as_sent(model, sent):
    """What arrived at the model is what was sent, with nothing but the values changed, byte for byte."""
    equal([path for path, _ in model.bodies], [path for path, _ in sent])
    for (path, body), (_, original) in zip(model.bodies, sent):
        equal(body, mask(original))


def alike(through, direct):
    """A whole answer that is the same, byte for byte."""
    equal(through, direct)
    assert "_1" in through  # The model's own ids look like placeholders, and stay.


def alike_events(through, direct):
    """Events that are the same but for where their texts are cut."""
    through, direct = shapes(through), shapes(direct)
    for one, other in zip(through, direct):
        equal(one, other)
    equal(len(through), len(direct))

