"""Plain Verilog of a design: identical modules once, nothing unused, memories as modules."""
