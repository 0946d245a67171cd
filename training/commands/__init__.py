"""What a command of training is told, one file each. `--help` imports no torch: what needs it is loaded when work begins."""
