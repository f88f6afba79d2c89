"""Florence-2 on ONNX Runtime, numpy, Pillow and `tokenizers`, without torch and transformers."""
