"""Jobs: one plan at a time is carried out, written down, proven, and taken back if need be."""
