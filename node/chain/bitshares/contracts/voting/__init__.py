"""Who may be voted for, who votes for whom, and who is elected (PROTOCOL C.11, C.17)."""
