"""Export a model for use without PyTorch: as an ONNX file, or as a page that draws in the browser.

`export.onnx(model, "model.onnx")` writes a file for onnxruntime and other programs that read ONNX;
`export.page("celeba-cgan", "page")` writes a folder of static files. On the command line it is `gan-studio export`.
"""

from ..choices import PARTS
from .graphs import onnx, parts
from .pages import page

__all__ = ["PARTS", "onnx", "page", "parts"]
