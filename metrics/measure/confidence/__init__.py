"""What whoever uses the chain can rely on, and how soon."""
