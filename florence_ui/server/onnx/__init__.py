"""The light engine: Florence-2 in ONNX Runtime, on the processor, without torch and transformers."""
