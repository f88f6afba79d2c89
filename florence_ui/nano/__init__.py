"""florence-2-nano: a Florence-2 small enough to ship, and the drawn scenes that it knows.

``vocabulary`` lists the objects and words, ``sprites`` has a picture of each object, ``scenes`` draws them with exact
ground truth, ``answers`` turns that into Florence-2's prompts and answers. ``tokenizer`` and ``model`` build the
network, ``heads`` and ``losses`` help it learn, ``train`` trains it, ``evaluate`` measures it through the local server.
"""
