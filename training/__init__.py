"""Make a GAN: data, recipes, losses, the loop, metrics, publishing."""
