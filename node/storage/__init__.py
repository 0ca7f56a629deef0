"""What a node keeps on disk: blocks and watermarks, events, and how it starts from them."""
