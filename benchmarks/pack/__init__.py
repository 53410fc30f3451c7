"""What packing costs, against empack."""
