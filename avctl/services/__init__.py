"""What the controller does with what it learns."""
