"""The command line. Imports neither torch nor numpy until a command runs."""
