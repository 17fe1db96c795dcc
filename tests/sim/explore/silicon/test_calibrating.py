"""What coefficients of a machine are fitted to."""

import pytest

from hw.config import CONFIGS
from sim.explore.silicon.calibrating import training_tasks


@pytest.mark.parametrize("name, hidden", [("tiny", [16, 48, 24]), ("chip", [192, 128, 64])])
def test_networks_that_gates_run_stay_small_on_wide_machines(name, hidden):
    config = CONFIGS[name]
    tasks = training_tasks(config)
    layers = [each.task.network.layers[0].directions[0] for each in tasks]
    assert [layer.hidden_size for layer in layers] == hidden
    assert all(size % config.units_per_block == 0 for size in hidden)
    assert [each.options for each in tasks] == [{}, {}, {"resident": False}]
