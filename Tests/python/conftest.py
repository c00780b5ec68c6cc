import pytest
import pytest_asyncio

from cluster import Cluster, Player


@pytest.fixture
def cluster(tmp_path):
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.stop()


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
