"""Campaign files become validated values here, one campaign a cell of the matrix."""
