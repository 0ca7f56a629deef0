"""What a witness says in a header of its own accord: reveals of secrets, support of hard forks."""
