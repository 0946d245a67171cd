"""The files of a Space that shows a model, a file for each kind: the demo on a server, or a page without one."""
