"""What the controller keeps, locks and shows on its own machine."""
