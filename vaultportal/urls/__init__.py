"""URL configurations, one for each host."""
