"""What only `gan-studio` does, one file a verb. `--help` imports no torch: what needs it is loaded when work begins."""
