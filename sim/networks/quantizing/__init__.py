"""How a network's integer format is chosen: activations, cell state, weights."""
