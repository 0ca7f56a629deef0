"""Hard forks: what stakeholders and witnesses decide on them, and the rule that one brings."""
