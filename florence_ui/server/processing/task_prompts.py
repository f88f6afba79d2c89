"""The sentences that Florence-2 was trained with, in place of the task tokens.

https://huggingface.co/microsoft/Florence-2-large/blob/main/processing_florence2.py
"""

WITHOUT_INPUT = {
    "<OCR>": "What is the text in the image?",
    "<OCR_WITH_REGION>": "What is the text in the image, with regions?",
    "<CAPTION>": "What does the image describe?",
    "<DETAILED_CAPTION>": "Describe in detail what is shown in the image.",
    "<MORE_DETAILED_CAPTION>": "Describe with a paragraph what is shown in the image.",
    "<OD>": "Locate the objects with category name in the image.",
    "<DENSE_REGION_CAPTION>": "Locate the objects in the image, with their descriptions.",
    "<REGION_PROPOSAL>": "Locate the region proposals in the image.",
}
WITH_INPUT = {
    "<CAPTION_TO_PHRASE_GROUNDING>": "Locate the phrases in the caption: {}",
    "<REFERRING_EXPRESSION_SEGMENTATION>": "Locate {} in the image with mask",
    "<REGION_TO_SEGMENTATION>": "What is the polygon mask of region {}",
    "<OPEN_VOCABULARY_DETECTION>": "Locate {} in the image.",
    "<REGION_TO_CATEGORY>": "What is the region {}?",
    "<REGION_TO_DESCRIPTION>": "What does the region {} describe?",
    "<REGION_TO_OCR>": "What text is in the region {}?",
}


def expand_prompt(prompt: str) -> str:
    """The sentence for a prompt that `check_prompt` accepts; a prompt without a task token is its own sentence."""
    if prompt in WITHOUT_INPUT:
        return WITHOUT_INPUT[prompt]
    for token, sentence in WITH_INPUT.items():
        if prompt.startswith(token):
            return sentence.format(prompt.removeprefix(token).strip())
    return prompt
