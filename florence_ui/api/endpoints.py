"""The page's abilities for programs and agents: named endpoints with named parameters, which all have defaults.

    client = gradio_client.Client("http://127.0.0.1:7860")
    picture, answer = client.predict(handle_file("dog.jpg"), "<OD>", api_name="/analyse")

A file that a program names is taken only if it was uploaded to this app; see `uploads.uploaded`. Where the `mcp`
package is installed the endpoints are tools of an agent too: Gradio makes their descriptions of these docstrings, one
line a parameter.
"""

import gradio as gr
from gradio.data_classes import FileData

from florence_ui.api import jobs, many, work
from florence_ui.api.registration import add_endpoint
from florence_ui.api.values import CHAIN_NAMES, choice, file_data, picture_of, question_of
from florence_ui.concurrency.fair_pool import draw_pool
from florence_ui.exports.records import analysis_record
from florence_ui.inference.chains import CHAINS
from florence_ui.inference.pipeline import Request, draw
from florence_ui.results.compare import LEFT, RIGHT
from florence_ui.visitors.jobs import report_progress
from florence_ui.visitors.service import Services, visitor_of


def add_endpoints(services: Services) -> None:
    """Adds all endpoints to the `gr.Blocks` that is open."""
    add_analyse(services)
    add_compare(services)
    add_chain(services)
    many.add_endpoints(services)
    jobs.add_endpoints(services)


def add_analyse(services: Services) -> None:
    """`/analyse`: one question about one picture."""

    async def analyse(
        image: FileData | None = None,
        task: str = "<OD>",
        text: str = "",
        classes: list[str] | str = "",
        region: list[float] | None = None,
        model_id: str = "",
        backend: str = "",
        api_key: str = "",
        image_url: str = "",
        request: gr.Request | None = None,
    ) -> tuple[FileData, dict]:
        """Look at a picture with Florence-2: caption it, find, segment or read what is in it.

        Tasks for the whole picture: <CAPTION>, <DETAILED_CAPTION>, <MORE_DETAILED_CAPTION> (one sentence to a
        paragraph), <OD> (objects with boxes), <DENSE_REGION_CAPTION> (boxes with descriptions), <REGION_PROPOSAL>
        (boxes without names), <OCR> (text), <OCR_WITH_REGION> (lines of text with places).
        Tasks that need text: <CAPTION_TO_PHRASE_GROUNDING> (a box for each thing that the text mentions),
        <REFERRING_EXPRESSION_SEGMENTATION> (the outline of what the text describes).
        The task that needs classes: <OPEN_VOCABULARY_DETECTION>.
        Tasks that need region: <REGION_TO_CATEGORY>, <REGION_TO_DESCRIPTION>, <REGION_TO_SEGMENTATION>,
        <REGION_TO_OCR>.

        Args:
            image: The picture: a file uploaded to this app, or the address that the upload got here.
            task: The task's token, such as <CAPTION>, <OD> or <OCR>; or custom, then text is the whole prompt.
            text: The phrase for tasks that take one.
            classes: Names to look for, a list or one text with commas, for <OPEN_VOCABULARY_DETECTION>.
            region: A box [x1, y1, x2, y2], parts of the picture's sides, 0 to 1, or pixels, for tasks about a region.
            model_id: The model, such as florence-2-base; empty for the usual one. Nano only knows drawn scenes.
            backend: Where the model runs: serverless, dedicated or local; empty for the usual one.
            api_key: A Roboflow API key of your own; it is used for this call only.
            image_url: A link to a picture anywhere on the web, instead of image.

        Returns:
            The picture with the answer drawn on it, at its own size.
            The answer: its text, and its detections with places in pixels of the upright original.
        """
        question = question_of(
            services, task=task, text=text, classes=classes, region=region,
            model_id=model_id, backend=backend, api_key=api_key,
        )  # fmt: skip

        async def opening() -> Request:
            return question.about(await picture_of(services, image, image_url))

        visitor = visitor_of(request, services.settings)
        analysis = await services.run(
            question.request, visitor, lambda words: report_progress(detail=words), opening=opening
        )
        return file_data(await draw(analysis, full=True)), analysis_record(analysis)

    add_endpoint(services, analyse)


def add_compare(services: Services) -> None:
    """`/compare`: the same question, asked of two models."""

    async def compare(
        image: FileData | None = None,
        task: str = "<OD>",
        text: str = "",
        classes: list[str] | str = "",
        region: list[float] | None = None,
        left_model_id: str = "",
        left_backend: str = "",
        right_model_id: str = "florence-2-large",
        right_backend: str = "",
        api_key: str = "",
        image_url: str = "",
        request: gr.Request | None = None,
    ) -> tuple[FileData | None, dict]:
        """Ask two Florence-2 models the same about one picture, and see what both found and what only one did.

        Objects are the same where their labels are equal and their boxes overlap by half or more (IoU 0.5). If one
        side fails, the other's answer is given all the same, with the reason in the failed one's place.

        Args:
            image: The picture: a file uploaded to this app, or the address that the upload got here.
            task: The task's token, such as <CAPTION>, <OD> or <OCR>; or custom, then text is the whole prompt.
            text: The phrase for tasks that take one.
            classes: Names to look for, a list or one text with commas, for <OPEN_VOCABULARY_DETECTION>.
            region: A box [x1, y1, x2, y2], parts of the picture's sides, 0 to 1, or pixels, for tasks about a region.
            left_model_id: The model on the left, such as florence-2-base; empty for the usual one.
            left_backend: Where it runs: serverless, dedicated or local; empty for the usual one.
            right_model_id: The model on the right, such as florence-2-large; empty for the usual one.
            right_backend: Where it runs: serverless, dedicated or local; empty for the usual one.
            api_key: A Roboflow API key of your own; it is used for this call only.
            image_url: A link to a picture anywhere on the web, instead of image.

        Returns:
            One picture of what both, only the left and only the right found; nothing where there are no boxes.
            Both answers (left, right), and where both answered: summary, objects (found_by both, left or right), texts.
        """
        question = {"task": task, "text": text, "classes": classes, "region": region, "api_key": api_key}
        left = question_of(services, **question, model_id=left_model_id, backend=left_backend, field="left_")
        right = question_of(services, **question, model_id=right_model_id, backend=right_backend, field="right_")
        visitor = visitor_of(request, services.settings)
        async with services.turn(left.request, visitor, work.program_status()):
            picture = await picture_of(services, image, image_url)
        requests = {LEFT: left.about(picture), RIGHT: right.about(picture)}
        sides = await work.both(services, requests, visitor)
        drawn = await draw_pool.run(work.comparison_picture, sides)
        return file_data(drawn), work.comparison_record(sides)

    add_endpoint(services, compare)


def add_chain(services: Services) -> None:
    """`/chain`: several questions in a row."""

    async def chain(
        image: FileData | None = None,
        chain: str = "caption-ground",
        model_id: str = "",
        backend: str = "",
        api_key: str = "",
        image_url: str = "",
        request: gr.Request | None = None,
    ) -> tuple[FileData, dict]:
        """Ask Florence-2 several questions about a picture in a row, each one building on the answer before it.

        Chains: caption-ground, detailed-ground, long-ground (a caption, then a box for each thing that it mentions),
        detect-segment (every object with its outline), detect-describe (every object with a description),
        read-order (the picture's text line by line, column by column). A chain ends with the first step that fails;
        what came before is given all the same.

        Args:
            image: The picture: a file uploaded to this app, or the address that the upload got here.
            chain: The chain's name, such as caption-ground, detect-segment or read-order.
            model_id: The model, such as florence-2-base; empty for the usual one. Nano only knows drawn scenes.
            backend: Where the model runs: serverless, dedicated or local; empty for the usual one.
            api_key: A Roboflow API key of your own; it is used for this call only.
            image_url: A link to a picture anywhere on the web, instead of image.

        Returns:
            The picture with the last answer drawn on it, at its own size.
            The chain's steps: title, state (done or failed), seconds, detail in words, and answer.
        """
        wanted = CHAINS[choice(chain, "chain", tuple(CHAINS), CHAIN_NAMES)]
        question = question_of(services, task="<CAPTION>", model_id=model_id, backend=backend, api_key=api_key)
        visitor = visitor_of(request, services.settings)
        async with services.turn(question.request, visitor, work.program_status()):
            template = question.about(await picture_of(services, image, image_url))
        reports = await work.steps(services, wanted, template, visitor)
        last = work.last_answer(reports)
        return file_data(await draw(last, full=True)), work.chain_record(wanted, reports)

    add_endpoint(services, chain)
