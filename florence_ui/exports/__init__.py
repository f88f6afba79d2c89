"""Exports of answers: records, tables, masks, datasets and code.

Labels come from a model that reads any text in a picture, and names from the visitor who uploaded it. They must stay
text for the program that opens a file: no formulas in spreadsheets, no paths in archives, no markup in XML.
"""
