"""A chat on python-socketio and aiohttp, in the namespace `/game`, as somebody else would write one: `PORT [FAULT]`.

`join` and `say` are acknowledged; what is said comes as `said`, to all of a room or to the others. With a fault every tenth
thing said is treated badly: `lose`, `double`, `swap` (it comes after the eleventh), `stall` (the thirtieth blocks
everything for half a second). With `leave` every tenth socket is disconnected as soon as it is there.
"""

import sys
import time

import socketio
from aiohttp import web

GAME = "/game"
server = socketio.AsyncServer(async_mode="aiohttp")
fault = sys.argv[2] if len(sys.argv) > 2 else None
said = 0
sockets = 0
held = []


@server.event(namespace=GAME)
async def join(sid, data):
    await server.enter_room(sid, data["room"], namespace=GAME)
    return "welcome"


@server.event(namespace=GAME)
async def connect(sid, environ, auth):
    if auth == {"word": "wrong"}:
        raise socketio.exceptions.ConnectionRefusedError("not you")
    await server.emit("hello", {"you": sid}, to=sid, namespace=GAME)
    global sockets
    sockets += 1
    if sockets % 10 == 0 and fault == "leave":
        server.start_background_task(server.disconnect, sid, namespace=GAME)


@server.event(namespace=GAME)
async def say(sid, data):
    global said
    said += 1
    if fault == "stall" and said == 30:
        time.sleep(0.5)
    if said % 10 == 0 and fault == "lose":
        return
    if said % 10 == 0 and fault == "swap":
        held.append((sid, data))
        return
    await tell(sid, data)
    if said % 10 == 0 and fault == "double":
        await tell(sid, data)
    while held:
        await tell(*held.pop())


async def tell(sid, data):
    skipped = sid if data.get("others") else None
    await server.emit("said", {"by": sid, **data}, room=data["room"], skip_sid=skipped, namespace=GAME)


if __name__ == "__main__":
    app = web.Application()
    server.attach(app)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
