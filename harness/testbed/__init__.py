"""What a lab's hosts are and hold: cards, power, lab lock, leftovers, and their healing."""
