"""Number formats and the arithmetic between them: a NumPy and a gate rendering of each."""
