"""The page: layout, components, and a folder for each tab."""
