"""Networks in and out: readers, the quantiser, the .tflite writer, whole ONNX models."""

from sim.networks.loader import load_network
from sim.networks.network import NetworkError

__all__ = ["NetworkError", "load_network"]
