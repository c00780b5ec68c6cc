import pytest
import pytest_asyncio

from cluster import Cluster, Player, Redis
from example import ChatNode, Example


@pytest.fixture
def cluster(tmp_path):
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    """The example server that sends back what it gets; it must survive all of a module's tests."""
    echo = Example("SocketIOEcho", tmp_path_factory.mktemp("echo") / "echo.log")
    yield echo
    echo.stop()


@pytest.fixture
def chat(tmp_path):
    """Starts nodes of the example that runs on several."""
    redis = Redis(tmp_path)
    nodes = []
    try:
        yield lambda name: nodes.append(ChatNode(name, redis, tmp_path)) or nodes[-1]
    finally:
        for node in nodes:
            node.stop()
        redis.stop()


@pytest_asyncio.fixture
async def players():
    """Makes players, and disconnects them at the end."""
    made = []

    def make(**options):
        made.append(Player(**options))
        return made[-1]

    yield make
    for player in made:
        await player.leave()
