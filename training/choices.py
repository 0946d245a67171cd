"""What options and settings choose from: names alone, so that a command's --help needs no torch."""

PRECISIONS = ("auto", "fp32", "bf16", "fp16")
TRACKERS = ("tensorboard", "trackio", "wandb")
PREVIOUS_ONE = "previous"  # the only value of --resume
DATASETS = ("mnist", "fashionmnist", "stackedmnist", "cifar10", "celeba")  # by name; data/ reads them
POLICIES = ("color", "translation", "cutout")  # of augmentation
JUDGES = ("mnist", "mnist-teacher", "fashionmnist", "cifar10", "celeba")  # that can be trained
# Networks that see pictures for the metrics
NETWORKS = ("reader", "fashionreader", "objectreader", "judge", "inception", "general")
FILTERS = ("none", "classifier", "discriminator")  # of generated pictures that a classifier learns from
KEEP = ("here", "hub")  # whose edits of a card
