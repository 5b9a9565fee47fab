"""What the nightly run has of its own: one at a time, an end to its time, and two lines above its screen."""
