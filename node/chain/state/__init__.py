"""What transactions change: tables of rows, with journals to take every change back."""
