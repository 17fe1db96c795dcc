import pytest

from hw.config import CONFIGS, ConfigError
from sim.explore.machines import find_config
from sim.explore.running import make_backend

TINY = CONFIGS["tiny"]


def test_names_that_are_not_there_are_refused():
    with pytest.raises(ConfigError, match=r"^there is no configuration huge; "):
        find_config("huge")
    with pytest.raises(ConfigError, match=r"^there is no backend cloud; "):
        make_backend("cloud", TINY)
    with pytest.raises(ConfigError) as caught:
        make_backend("rtl", TINY, latency=0)
    assert str(caught.value) == "the memory's latency must be at least 1 cycle, not 0"
