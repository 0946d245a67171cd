"""What options choose from: names alone, so that a command's --help needs no torch."""

# What befalls pictures, in this order. The names are a file format: config.json of a network holds them.
DAMAGES = ("edges", "motion", "blur", "shrink", "noise", "specks", "jpeg", "grey", "fill")
PARTS = ("generate", "edit", "encode", "classify", "restore", "translate")  # of a model, each an ONNX file
