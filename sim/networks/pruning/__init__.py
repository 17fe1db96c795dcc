"""Networks with fewer weights: groups of a block and a column, taken out on samples."""
