"""The same job with Gradio's defaults, as in common demos: `python stock_app.py BACKEND_URL PORT`.

A synchronous handler, one at a time (Gradio's default), pictures in and out as PIL images, and the plain SDK call.
"""

import sys

import gradio as gr
import supervision as sv
from inference_sdk import InferenceHTTPClient
from PIL import Image


def build(url: str) -> gr.Blocks:
    client = InferenceHTTPClient(api_url=url, api_key="none")

    def analyze(image: Image.Image) -> Image.Image:
        answer = client.infer_lmm(image, model_id="florence-2-base", prompt="<OD>", max_new_tokens=1024)
        found = sv.Detections.from_vlm(sv.VLM.FLORENCE_2, answer["response"], resolution_wh=image.size)
        drawn = sv.BoxAnnotator(color_lookup=sv.ColorLookup.INDEX).annotate(image.copy(), found)
        return sv.LabelAnnotator(color_lookup=sv.ColorLookup.INDEX).annotate(drawn, found)

    return gr.Interface(analyze, gr.Image(type="pil"), gr.Image(), api_name="analyse")


if __name__ == "__main__":
    build(sys.argv[1]).launch(server_port=int(sys.argv[2]), quiet=True)
