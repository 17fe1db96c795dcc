"""Networks in and out: readers, the quantiser, writers, whole models around their LSTM layers."""
