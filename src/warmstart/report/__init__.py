"""What a run leaves for people and programs: HTML report, results.json, model card, logs, one picture."""
