"""What a model card says: page.py lays it out from the content of a model folder's files; the others are its parts."""
