"""A model for programs that have no PyTorch: as an ONNX file, or as a page that draws in the browser.

`export.onnx(model, "model.onnx")` writes what onnxruntime, or anything else that reads ONNX, can run;
`export.page("celeba-cgan", "page")` a folder of static files. On the command line it is `gan-studio export`.
"""

from .graphs import PARTS, onnx, parts
from .pages import page

__all__ = ["PARTS", "onnx", "page", "parts"]
