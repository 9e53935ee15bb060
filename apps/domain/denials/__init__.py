"""Denied requests: their explanation for the developer whose application was denied."""
