"""Commands that only `gan-studio` has, one file per verb. torch is imported when work begins, so `--help` needs none."""
