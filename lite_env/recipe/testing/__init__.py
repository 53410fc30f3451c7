"""What a recipe asks of the package that it makes, asked in the kernel that will load it."""
