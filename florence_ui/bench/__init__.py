"""How much the page adds to the model's own time, as ratios measured side by side: `python -m florence_ui.bench`."""
