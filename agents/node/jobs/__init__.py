"""Jobs: plans are carried out one at a time, written down, proven, and taken back if need be."""
