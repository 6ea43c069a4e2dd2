from tests.fixtures.servers import *  # noqa: F403
from tests.fixtures.servers import Handler  # noqa: F401
