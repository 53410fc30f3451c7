"""What the user asks for: environment files and settings, checked and line by line traceable."""
