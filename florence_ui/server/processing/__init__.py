"""A checkpoint's processor without transformers: prompts to ids, pictures to values, ids to answers.

Everything here gives exactly what transformers' `Florence2Processor` and `generate` give, and both engines use it.
"""
