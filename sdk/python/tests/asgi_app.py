"""An ASGI application without a framework, for the tests. What it does is the path's last part."""

import asyncio
import json
import os
import sys


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
        return
    name = scope["path"].rsplit("/", 1)[-1]
    await globals()[f"do_{name}"](scope, receive, send)


async def lifespan(scope, receive, send):
    while True:
        message = await receive()
        say(message["type"])
        if os.environ.get("FAIL_AT") == message["type"]:
            await send({"type": f"{message['type']}.failed", "message": "the app's own reason"})
            return
        scope["state"]["greeting"] = "hello"
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def without_lifespan(scope, receive, send):
    assert scope["type"] == "http"
    await answer(send, b"no lifespan")


async def answer(send, body, status=200, headers=()):
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


async def do_scope(scope, receive, send):
    shown = {key: value for key, value in scope.items() if key != "extensions"}
    shown["extensions"] = sorted(scope["extensions"])
    shown["headers"] = [[a.decode("latin-1"), b.decode("latin-1")] for a, b in scope["headers"]]
    text = json.dumps(shown, default=lambda value: value.decode("latin-1"))
    await answer(send, text.encode(), headers=[(b"content-type", b"application/json")])


async def do_echo(scope, receive, send):
    """Each piece of the answer follows a piece of the request."""
    await send({"type": "http.response.start", "status": 201, "headers": [(b"x-a", b"b")]})
    while True:
        message = await receive()
        await send(
            {"type": "http.response.body", "body": message["body"], "more_body": message["more_body"]}
        )
        if not message["more_body"]:
            break
    say("after", type=(await receive())["type"])


async def do_trailers(scope, receive, send):
    assert "http.response.trailers" in scope["extensions"]
    await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
    await send({"type": "http.response.body", "body": b"body"})
    await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"42")]})


async def do_watch(scope, receive, send):
    """Waits for the client to go."""
    say("watching")
    while (message := await receive())["type"] != "http.disconnect":
        pass
    say(message["type"])
    await answer(send, b"nobody gets it")


async def do_endless(scope, receive, send):
    """Sends until it hears that the client has gone."""
    gone = asyncio.ensure_future(receive_disconnect(receive))
    await send({"type": "http.response.start", "status": 200})
    while not gone.done():
        await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
        await asyncio.sleep(0)
    say("endless", type=gone.result()["type"])


async def receive_disconnect(receive):
    while (message := await receive())["type"] != "http.disconnect":
        pass
    return message


async def do_wait(scope, receive, send):
    """Answers when the body has ended."""
    say("waiting")
    while (message := await receive())["type"] == "http.request" and message["more_body"]:
        pass
    await answer(send, b"done")


async def do_sleep(scope, receive, send):
    say("sleeping")
    await asyncio.sleep(3600)


async def do_raise(scope, receive, send):
    raise RuntimeError("the app's own error")


async def do_late(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    raise RuntimeError("after the head")


async def do_half(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    await receive_all(receive)
    raise RuntimeError("after a part of the body")


async def receive_all(receive):
    while (await receive())["more_body"]:
        pass


async def do_nothing(scope, receive, send):
    pass


async def do_wrong(scope, receive, send):
    await send({"type": "http.response.body", "body": b"before the head"})


async def do_twice(scope, receive, send):
    await answer(send, b"once")
    await answer(send, b"twice")


async def do_ignore(scope, receive, send):
    """Does not look at the body at all."""
    await answer(send, b"ignored", headers=[(b"content-length", b"7")])


def make():
    sys.stderr.write("made\n")
    return application
