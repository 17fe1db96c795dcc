"""The forms in which models hold LSTM layers, each rewritten into LSTM nodes of the main graph."""
