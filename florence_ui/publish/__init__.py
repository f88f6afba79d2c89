"""Publishing the page as a Hugging Face Space: `python -m florence_ui.publish OWNER/NAME`."""
