"""How what the user brings is read, for all commands."""
