"""What frozen work costs, part by part: each is a benchmark in one process, its contenders interleaved."""
