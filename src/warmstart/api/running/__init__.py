"""What the runs of all commands have in common: folder, log, time, what is tried."""
