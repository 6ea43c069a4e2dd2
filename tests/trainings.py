from tests.fixtures.trainings import *  # noqa: F403
