"""Tasks: head, loss, metrics and decode of one kind of question, one file each."""
