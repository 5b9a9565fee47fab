"""`make bench`: what the suite costs beside other ways to read the same, in a lab; docs/benchmark.md. Nothing here passes or fails."""
