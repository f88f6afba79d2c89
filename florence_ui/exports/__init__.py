"""Answers to take away: records, tables, masks, datasets and code.

Labels come from a model that reads whatever is in a picture, and names from whoever uploaded it. For the program that
opens a file they must stay text: a spreadsheet gets no formulas, an archive no paths, XML no markup.
"""
