"""Networks with LSTM layers as their packages ship them, each with inputs to run it on."""
