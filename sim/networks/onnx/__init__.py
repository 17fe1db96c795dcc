"""ONNX: graphs cut at their LSTM nodes, and the nodes as layers."""
