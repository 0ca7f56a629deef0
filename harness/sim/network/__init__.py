"""The network between simulated hosts: links, what travels over them, and catching up."""
