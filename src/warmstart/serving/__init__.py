"""What answers over HTTP: the service of a bundle and its page."""
