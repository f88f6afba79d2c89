"""Answers to take away: records, tables, masks, and data sets as their readers want them.

Labels come from a model that reads whatever is in a picture, and names from whoever uploaded it. Here they are text
for whatever opens the file: a spreadsheet gets no formulas, an archive no paths, XML no markup.
"""
