"""One stock component of each kind on the page, without its styles and scripts: `python stock_page.py`.

The page listens on GRADIO_SERVER_PORT.
"""

import gradio as gr


def build() -> gr.Blocks:
    with gr.Blocks() as demo:
        gr.State()
        gr.Timer(active=False)
        gr.BrowserState()
        with gr.Row(), gr.Column(), gr.Accordion("a"), gr.Tabs(), gr.Tab("a"):
            gr.Image()
            gr.Textbox()
            gr.Dropdown(["a"])
            gr.Radio(["a"])
            gr.Button()
            gr.Dataframe()
            gr.JSON()
            gr.Code()
            gr.HTML()
            gr.Markdown()
            gr.Slider()
            gr.Checkbox()
            gr.CheckboxGroup(["a"])
            gr.File()
            gr.ImageSlider()
            gr.DownloadButton()
    return demo


if __name__ == "__main__":
    build().launch(quiet=True)
