"""What stands between the HTTP server and the applications: complete requests, slots, and limits of connections."""
