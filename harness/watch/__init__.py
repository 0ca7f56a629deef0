"""A look at a lab while it works: each host asked by itself, shown, printed or served."""
