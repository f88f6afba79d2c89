"""florence-2-nano: a Florence-2 small enough to ship, and the drawn world it knows.

``world`` names what there is, ``sprites`` holds the pictures of it, ``scenes`` draws with exact truth, ``answers``
turns truth into Florence-2's questions and answers, ``tokenizer`` and ``model`` build the network, ``heads`` help it
learn, ``train`` teaches it, ``evaluate`` measures it through the local server.
"""
