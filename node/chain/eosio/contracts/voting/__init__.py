"""Who produces by whose votes: registering, voting, proxies, elections (PROTOCOL B.1 to B.7)."""
