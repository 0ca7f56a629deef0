"""What operations cost on a FIO chain, who votes on that, and where the money goes."""
