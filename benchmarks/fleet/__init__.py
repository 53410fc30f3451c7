"""How the cost of packing many environments grows."""
