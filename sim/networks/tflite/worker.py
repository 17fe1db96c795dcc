"""Loads and runs pieces of .tflite files, given on the standard input, until one ends the process.

This is a program of its own, which ``probe`` starts: it imports nothing of this project.
"""

import sys

from ai_edge_litert.interpreter import Interpreter, OpResolverType

__all__ = ["serve"]


def serve(source, sink) -> None:
    """Answer every piece, its length in eight bytes in front of it, with one byte."""
    while head := source.read(8):
        data = source.read(int.from_bytes(head, "little"))
        try:
            interpreter = Interpreter(
                model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
            )
            interpreter.allocate_tensors()
            interpreter.invoke()
            answer = b"+"
        except (ValueError, RuntimeError):
            # The caller finds the reason when it does the same.
            answer = b"-"
        sink.write(answer)
        sink.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
