"""Engine.IO v4, as its specification has it: handshake, messages, heartbeat, end and upgrade over both transports."""

import asyncio
import json
import time

import aiohttp
import pytest
import pytest_asyncio

from engine import Closed, Polling, WebSocket

UNKNOWN = "node.AAAAAAAAAAAAAAAAAAAAAA"
OPEN = {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}


@pytest_asyncio.fixture
async def http():
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


@pytest_asyncio.fixture
async def polling(http, echo):
    """A session by long-polling whose Socket.IO client is connected."""
    session = await Polling(http, echo.url).open()
    await connect(session)
    return session


@pytest_asyncio.fixture
async def websocket(http, echo):
    session = await WebSocket(http, echo.url).open()
    await connect(session)
    return session


async def connect(session):
    await session.send("40")
    assert (await session.message()).startswith('0{"sid":"')
    assert await session.message() == '2["auth",{}]'


async def refused(http, method, url):
    async with http.request(method, url) as answer:
        assert answer.content_type == "application/json"
        return answer.status, json.loads(await answer.text())["code"]


async def websocket_refused(http, url):
    """As a handshake of a WebSocket; the body of its refusal is not shown by the client."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await http.ws_connect(url)
    return refusal.value.status


def check(handshake, upgrades):
    assert set(handshake) == OPEN
    assert isinstance(handshake["sid"], str) and handshake["sid"]
    assert handshake["upgrades"] == upgrades
    assert (handshake["pingInterval"], handshake["pingTimeout"], handshake["maxPayload"]) == (300, 200, 1_000_000)


# Handshake


async def test_polling_opens_a_session_that_may_be_upgraded(http, echo):
    async with http.get(f"{echo.url}/socket.io/?EIO=4&transport=polling") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/plain" and answer.charset.lower() == "utf-8"
        packet = await answer.text()
    assert packet[0] == "0"
    check(json.loads(packet[1:]), ["websocket"])


async def test_sessions_have_names_of_their_own(http, echo):
    sessions = [await transport(http, echo.url).open() for transport in (Polling, WebSocket, Polling, WebSocket)]
    assert len({session.handshake["sid"] for session in sessions}) == 4


async def test_polling_refuses_other_versions_of_the_protocol(http, echo):
    for version in ("", "EIO=&", "EIO=3&", "EIO=abc&", "EIO=44&"):
        assert await refused(http, "GET", f"{echo.url}/socket.io/?{version}transport=polling") == (400, 5), version


async def test_polling_refuses_unknown_transports(http, echo):
    for transport in ("", "&transport=", "&transport=abc", "&transport=__proto__", "&transport=POLLING"):
        assert await refused(http, "GET", f"{echo.url}/socket.io/?EIO=4{transport}") == (400, 0), transport


async def test_a_session_is_opened_by_get_only(http, echo):
    url = f"{echo.url}/socket.io/?EIO=4&transport=polling"
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert await refused(http, method, url) == (400, 2), method


async def test_requests_of_an_unknown_session_are_refused(http, echo):
    for method in ("GET", "POST"):
        url = f"{echo.url}/socket.io/?EIO=4&transport=polling&sid={UNKNOWN}"
        assert await refused(http, method, url) == (400, 1)
    assert await websocket_refused(http, f"{echo.url}/socket.io/?EIO=4&transport=websocket&sid={UNKNOWN}") == 400


async def test_a_page_of_any_origin_may_read_the_answers(http, echo):
    url = f"{echo.url}/socket.io/?EIO=4&transport=polling"
    async with http.get(url, headers={"Origin": "https://elsewhere.example"}) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    asks = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    async with http.options(url, headers=asks) as answer:
        assert answer.status in (200, 204) and answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_a_websocket_opens_a_session_that_needs_no_upgrade(http, echo):
    session = await WebSocket(http, echo.url).open()
    check(session.handshake, [])


async def test_a_websocket_of_another_version_is_refused(http, echo):
    for version in ("", "EIO=abc&", "EIO=3&"):
        assert await websocket_refused(http, f"{echo.url}/socket.io/?{version}transport=websocket") == 400


async def test_a_websocket_for_an_unknown_transport_is_refused(http, echo):
    for transport in ("", "&transport=abc"):
        assert await websocket_refused(http, f"{echo.url}/socket.io/?EIO=4{transport}") == 400


# Messages


async def test_polling_carries_a_text_message(polling):
    assert await polling.post('42["message","héllo €😀"]') == (200, "ok")
    assert await polling.message() == '2["message-back","héllo €😀"]'


async def test_polling_carries_several_messages_in_one_payload(polling):
    await polling.send('42["message",1]', '42["message",2]', '42["message",3]')
    assert [await polling.message() for _ in range(3)] == [f'2["message-back",{number}]' for number in (1, 2, 3)]


async def test_polling_carries_text_and_binary_messages_in_one_payload(polling):
    await polling.send('451-["message",{"_placeholder":true,"num":0}]', b"\x01\x02\x03\x04", '42["message","after"]')
    assert await polling.message() == '51-["message-back",{"_placeholder":true,"num":0}]'
    assert await polling.message() == b"\x01\x02\x03\x04"
    assert await polling.message() == '2["message-back","after"]'


async def test_a_payload_that_is_none_closes_the_session(http, echo):
    for payload in ("abc", "", "\x1e", "40\x1e", "bAQ=", "7", "0{}", "3\x1ex"):
        session = await Polling(http, echo.url).open()
        assert (await session.post(payload))[0] == 400, repr(payload)
        with pytest.raises(Closed):
            while True:
                await session.receive()
        assert (await session.get())[0] == 400


async def test_a_second_poll_at_once_is_refused_and_closes_the_session(polling):
    first = asyncio.create_task(polling.get())
    second = asyncio.create_task(polling.get())
    answers = await asyncio.gather(first, second)
    assert sorted(status for status, _ in answers)[-1] == 400
    assert (await polling.get())[0] == 400


async def test_a_websocket_carries_a_text_message(websocket):
    await websocket.send('42["message","héllo €😀"]')
    assert await websocket.message() == '2["message-back","héllo €😀"]'


async def test_a_websocket_carries_a_binary_message(websocket):
    await websocket.send('451-["message",{"_placeholder":true,"num":0}]', b"\x01\x02\x03\x04")
    assert await websocket.message() == '51-["message-back",{"_placeholder":true,"num":0}]'
    assert await websocket.message() == b"\x01\x02\x03\x04"


async def test_a_websocket_that_says_what_is_no_packet_is_closed(http, echo):
    for packet in ("abc", "", "0", "2", "7", "b"):
        session = await WebSocket(http, echo.url).open()
        await session.send(packet)
        assert await session.closed() == [], repr(packet)


# Heartbeat


async def heartbeats(session):
    """Three pings: each comes in its time, and is answered."""
    for _ in range(3):
        begin = time.monotonic()
        assert await session.receive(heartbeat=False) == "2"
        # The first comes an interval after the handshake, part of which is over.
        assert time.monotonic() - begin < 1
        await session.send("3")
    await session.send('42["message","alive"]')
    assert await session.message() == '2["message-back","alive"]'


async def silence(session):
    """Pings that are not answered: how long the session lives."""
    begin = time.monotonic()
    try:
        while True:
            assert await session.receive(heartbeat=False) in ("2", "6")
    except Closed:
        return time.monotonic() - begin


async def test_polling_pings_and_is_answered(polling):
    await heartbeats(polling)


async def test_a_polling_session_without_pongs_is_closed(polling):
    assert 0.2 <= await silence(polling) < 2
    assert (await polling.get())[0] == 400


async def test_a_websocket_pings_and_is_answered(websocket):
    await heartbeats(websocket)


async def test_a_websocket_without_pongs_is_closed(websocket):
    assert 0.2 <= await silence(websocket) < 2


# The end


async def test_a_client_closes_its_polling_session(polling):
    poll = asyncio.create_task(polling.get())
    await asyncio.sleep(0)
    assert (await polling.post("1"))[0] == 200
    status, body = await asyncio.wait_for(poll, 2)
    # The poll that waits is released; it may have been answered by a ping just before, or come too late.
    assert (status, body) in ((200, "6"), (200, "2")) or status == 400
    assert (await polling.get())[0] == 400


async def test_a_client_closes_its_websocket_session(websocket):
    await websocket.send("1")
    assert await websocket.closed() == []


# Upgrade


async def upgraded(http, polling):
    """The session's WebSocket, after the switch."""
    poll = asyncio.create_task(polling.get())
    socket = await WebSocket(http, polling.base, polling.handshake["sid"]).connect()
    await socket.send("2probe")
    assert await socket.receive() == "3probe"
    # The poll that waits is released, if it was not by a ping.
    status, body = await asyncio.wait_for(poll, 5)
    assert (status, body) in ((200, "6"), (200, "2"))
    await socket.send("5")
    if body == "2":
        await socket.send("3")
    # Requests on other connections might overtake the switch.
    await socket.send('42["message","switched"]')
    assert await socket.message() == '2["message-back","switched"]'
    return socket


async def test_a_session_goes_on_by_websocket(http, polling):
    socket = await upgraded(http, polling)
    for number in range(3):
        await socket.send(f'42["message",{number}]')
        assert await socket.message() == f'2["message-back",{number}]'
    await heartbeats(socket)


async def test_after_the_upgrade_polling_is_over(http, polling):
    socket = await upgraded(http, polling)
    assert (await polling.get())[0] == 400
    await socket.send('42["message","still here"]')
    assert await socket.message() == '2["message-back","still here"]'


async def test_after_the_upgrade_another_websocket_is_turned_away(http, polling):
    socket = await upgraded(http, polling)
    try:
        other = await WebSocket(http, polling.base, polling.handshake["sid"]).connect()
        await other.send("2probe")
        assert await other.closed() == []
    except aiohttp.WSServerHandshakeError as refusal:
        assert refusal.status == 400
    await socket.send('42["message","still here"]')
    assert await socket.message() == '2["message-back","still here"]'


async def test_an_upgrade_begins_with_a_probe(http, polling):
    for packet in ("2", "2other", "5", '42["message",1]', "3probe"):
        socket = await WebSocket(http, polling.base, polling.handshake["sid"]).connect()
        await socket.send(packet)
        assert await socket.closed() == [], packet
    # The session itself has taken no harm.
    await polling.send('42["message","still here"]')
    assert await polling.message() == '2["message-back","still here"]'


async def test_no_message_is_lost_repeated_or_overtaken_while_a_session_is_upgraded(http, polling):
    socket = await WebSocket(http, polling.base, polling.handshake["sid"]).connect()
    heard = []

    async def poll():
        while True:
            packet = await polling.receive()
            if packet == "6":
                return
            heard.append(packet)

    task = asyncio.create_task(poll())
    for number in range(40):
        await polling.send(f'42["message",{number}]')
        if number == 20:
            await socket.send("2probe")
    assert await socket.receive() == "3probe"
    # Polls are released while it is probed, once nothing more waits.
    await asyncio.wait_for(task, 5)
    await socket.send("5")
    for number in range(40, 60):
        await socket.send(f'42["message",{number}]')
    while len(heard) < 60:
        heard.append("4" + await socket.message())
    assert heard == [f'42["message-back",{number}]' for number in range(60)]
