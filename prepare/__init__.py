"""Before the first run: whether this machine gets to the head nodes (doctor), and a region.yaml from what one of them says (init)."""
