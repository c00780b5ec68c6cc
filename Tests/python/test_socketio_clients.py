"""python-socketio, a client that somebody else has written, against the example servers of the library."""

import asyncio

import pytest
import pytest_asyncio
import socketio

from cluster import eventually
from example import Example

TRANSPORTS = (["polling"], ["websocket"], ["polling", "websocket"])


@pytest.fixture(scope="module")
def chat(tmp_path_factory):
    chat = Example("Chat", tmp_path_factory.mktemp("chat") / "chat.log")
    yield chat
    chat.stop()


@pytest_asyncio.fixture
async def clients():
    """Makes clients, and disconnects them at the end."""
    made = []

    def make(**options):
        made.append(socketio.AsyncClient(**{"reconnection": False} | options))
        return made[-1]

    yield make
    for client in made:
        await client.disconnect()
        await client.shutdown()


def listen(client, namespace="/"):
    """The events that come, in order."""
    heard = asyncio.Queue()

    async def hear(event, *arguments):
        await heard.put((event, *arguments))

    client.on("*", hear, namespace=namespace)
    return heard


async def heard(queue):
    return await asyncio.wait_for(queue.get(), 5)


@pytest.mark.parametrize("transports", TRANSPORTS, ids="+".join)
async def test_events_binary_values_and_acknowledgements_by_every_transport(echo, clients, transports):
    client = clients()
    events = listen(client)
    await client.connect(echo.url, transports=transports, auth={"token": 1})
    assert client.transport() == transports[-1]
    assert await heard(events) == ("auth", {"token": 1})
    await client.emit("message", (1, "2", {"3": [True, None]}))
    assert await heard(events) == ("message-back", 1, "2", {"3": [True, None]})
    await client.emit("message", (b"\x01\x02", {"a": [b"", "text"]}))
    assert await heard(events) == ("message-back", b"\x01\x02", {"a": [b"", "text"]})
    assert await client.call("message-with-ack", ("a", b"\x03")) == ("a", b"\x03")
    assert await client.call("message-with-ack") is None
    # Longer than a ping interval and its time-out: the heartbeat works.
    for number in range(12):
        assert await client.call("message-with-ack", number) == number
        await client.sleep(0.1)


@pytest.mark.parametrize("transports", TRANSPORTS, ids="+".join)
async def test_one_connection_is_in_several_namespaces(echo, clients, transports):
    client = clients()
    main, custom = listen(client), listen(client, "/custom")
    await client.connect(
        echo.url, transports=transports, namespaces=["/", "/custom"], auth={"who": "me"})
    assert await heard(main) == await heard(custom) == ("auth", {"who": "me"})
    assert client.get_sid("/") != client.get_sid("/custom")
    await client.emit("message", "here", namespace="/custom")
    assert await heard(custom) == ("message-back", "here")
    assert main.empty()
    await client.send("there")
    assert await heard(main) == ("message-back", "there")
    assert await client.call("message-with-ack", b"\x01", namespace="/custom") == b"\x01"


async def test_an_unknown_namespace_is_an_error_that_says_so(echo, clients):
    client = clients()
    errors = asyncio.Queue()
    client.on("connect_error", errors.put, namespace="/random")
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(echo.url, namespaces=["/random"], transports=["websocket"])
    assert await heard(errors) == {"message": "Invalid namespace"}


@pytest.mark.parametrize("transports", TRANSPORTS, ids="+".join)
async def test_a_client_comes_back_to_a_server_that_died(clients, tmp_path, transports):
    echo = Example("SocketIOEcho", tmp_path / "echo.log")
    client = clients(reconnection=True, reconnection_delay=0.05, reconnection_delay_max=0.1)
    events = listen(client)
    await client.connect(echo.url, transports=transports, auth={"round": "both"})
    assert await heard(events) == ("auth", {"round": "both"})
    first = client.get_sid()
    echo.kill()
    echo.start()
    assert await heard(events) == ("auth", {"round": "both"})
    assert client.get_sid() != first
    assert await client.call("message-with-ack", "again") == "again"
    await client.disconnect()
    echo.stop()


# A richer server: typed handlers, rooms, a middleware, broadcasts.


async def member(chat, clients, name, transports):
    client = clients()
    events = listen(client)
    await client.connect(chat.url, transports=transports, auth={"name": name})
    return client, events


async def test_the_chat_lets_nobody_in_without_a_name(chat, clients):
    for auth in (None, {}, {"name": ""}, {"name": 1}):
        client = clients()
        errors = asyncio.Queue()
        client.on("connect_error", errors.put)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(chat.url, auth=auth, transports=["websocket"])
        assert await heard(errors) == {"message": "a name is needed"}


async def test_members_of_a_room_hear_each_other_by_whatever_transport(chat, clients):
    ada, ada_hears = await member(chat, clients, "Ada", ["websocket"])
    bob, bob_hears = await member(chat, clients, "Bob", ["polling"])
    eve, eve_hears = await member(chat, clients, "Eve", ["polling", "websocket"])
    assert await ada.call("join", "tea") == {"room": "tea", "members": ["Ada"]}
    assert await bob.call("join", "tea") == {"room": "tea", "members": ["Ada", "Bob"]}
    assert await eve.call("join", "coffee") == {"room": "coffee", "members": ["Eve"]}
    assert await ada.call("say", {"room": "tea", "text": "hello", "picture": b"\x89PNG"}) is None
    assert await heard(bob_hears) == (
        "said", {"room": "tea", "text": "hello", "picture": b"\x89PNG", "from": "Ada"})
    assert await bob.call("say", {"room": "tea", "text": "hi", "from": "Ada"}) is None
    assert await heard(ada_hears) == ("said", {"room": "tea", "text": "hi", "from": "Bob"})
    await bob.call("leave", "tea")
    assert await heard(ada_hears) == ("left", "tea", "Bob")
    assert eve_hears.empty() and bob_hears.empty()


async def test_who_asks_for_what_is_not_allowed_is_told_why(chat, clients):
    ada, _ = await member(chat, clients, "Ada", ["websocket"])
    answer = await ada.call("say", {"room": "tea", "text": "hello"})
    assert answer == {"ok": False, "error": "not_joined", "message": "join tea first"}
    assert (await ada.call("say", {"room": "tea"}))["error"] == "bad_request"
    assert (await ada.call("join", 1))["error"] == "bad_request"
    assert (await ada.call("join", "x" * 65))["error"] == "bad_request"


async def test_a_member_that_vanishes_is_in_no_room_any_more(chat, clients):
    ada, _ = await member(chat, clients, "Ada", ["websocket"])
    bob, _ = await member(chat, clients, "Bob", ["polling"])
    await ada.call("join", "club")
    assert (await bob.call("join", "club"))["members"] == ["Ada", "Bob"]
    await ada.disconnect()

    async def alone():
        return (await bob.call("join", "club"))["members"] == ["Bob"]

    await eventually(alone)


async def test_a_handler_asks_its_client_and_every_event_passes_the_middleware(chat, clients):
    ada, _ = await member(chat, clients, "Ada", ["websocket"])
    ada.on("here?", lambda: True)
    assert await ada.call("away?") is False
    for number in range(16):
        assert (await ada.call("join", f"room {number}"))["members"] == ["Ada"]
    assert (await ada.call("join", "one more"))["error"] == "too_many"
    await ada.call("leave", "room 0")
    assert (await ada.call("join", "one more"))["members"] == ["Ada"]


async def test_pages_of_another_origin_may_not_connect_where_one_is_named(clients, tmp_path, monkeypatch):
    monkeypatch.setenv("ORIGIN", "https://chat.example")
    chat = Example("Chat", tmp_path / "chat.log")
    try:
        for origin, transports in [("https://evil.example", ["websocket"]), ("https://chat.example.evil", ["polling"])]:
            with pytest.raises(socketio.exceptions.ConnectionError):
                await clients().connect(
                    chat.url, auth={"name": "Ada"}, transports=transports, headers={"Origin": origin})
        for headers in ({"Origin": "https://chat.example"}, {}):
            ada = clients()
            await ada.connect(chat.url, auth={"name": "Ada"}, headers=headers)
            assert (await ada.call("join", "tea"))["room"] == "tea"
    finally:
        chat.stop()
