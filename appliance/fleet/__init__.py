"""Many nodes at once: kept empty until the first fan-out needs it."""
