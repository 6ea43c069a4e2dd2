from tests.fixtures.idx_files import *  # noqa: F403
