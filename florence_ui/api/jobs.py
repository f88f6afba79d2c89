"""Endpoints for calls that take long: `/start_many` begins one, `/job_status` tells how far it has come,
`/job_result` gives what came out, `/cancel_job` ends it. Who has the job's id may do so.
"""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from florence_ui.api.many import ManyJob, job_of, run_job
from florence_ui.api.registration import add_endpoint
from florence_ui.api.values import file_data
from florence_ui.identity import Visitor, current_visitor
from florence_ui.visitors.jobs import Job, JobState, Output
from florence_ui.visitors.service import Services, visitor_of


def add_endpoints(services: Services) -> None:
    """Adds the endpoints to the `gr.Blocks` that is open."""
    add_start_many(services)
    add_job_status(services)
    add_job_result(services)
    add_cancel_job(services)


def add_start_many(services: Services) -> None:
    """`/start_many`: `/many` or `/export` that goes on by itself."""

    async def start_many(
        images: list[FileData] | None = None,
        task: str = "<OD>",
        text: str = "",
        classes: list[str] | str = "",
        region: list[float] | None = None,
        model_id: str = "",
        backend: str = "",
        api_key: str = "",
        image_urls: list[str] | None = None,
        file_format: str = "",
        validation: float = 0.0,
        request: gr.Request | None = None,
    ) -> dict:
        """Start current_visitor Florence-2 the same about up to 200 pictures, and get a job_id at once.

        Ask job_status how far it has come, and job_result for the answers when its state is done. cancel_job ends it.
        A job that nobody asks about for an hour ends and is forgotten.

        Args:
            images: The pictures: files uploaded to this app, or the addresses that the uploads got here.
            task: The task's token, such as <CAPTION>, <OD> or <OCR>; or custom, then text is the whole prompt.
            text: The phrase for tasks that take one.
            classes: Names to look for, a list or one text with commas, for <OPEN_VOCABULARY_DETECTION>.
            region: A box [x1, y1, x2, y2], parts of the picture's sides, 0 to 1, or pixels; the same in every picture.
            model_id: The model, such as florence-2-base; empty for the usual one. Nano only knows drawn scenes.
            backend: Where the model runs: serverless, dedicated or local; empty for the usual one.
            api_key: A Roboflow API key of your own; it is used for this job only.
            image_urls: Links to pictures anywhere on the web, instead of images or after them.
            file_format: A file to take the answers away in, as export makes it; empty for none.
            validation: The part of a data set's pictures to hold back for validation, 0 to 0.9; the same every time.

        Returns:
            The job: job_id, state (running), done, total and detail.
        """
        work = job_of(
            services, images, image_urls, file_format, validation, task=task, text=text, classes=classes,
            region=region, model_id=model_id, backend=backend, api_key=api_key,
        )  # fmt: skip
        visitor, total = visitor_of(request, services.settings), len(work.batch.items)
        going = partial(work_on, services, work, visitor)
        return services.jobs.start(going, visitor.address, kept=True, total=total).record()

    add_endpoint(services, start_many)


async def work_on(services: Services, work: ManyJob, visitor: Visitor, job: Job) -> Output:
    """The work of a job, in the share of the visitor who started it."""
    visitor = replace(visitor, session=job.session)
    current_visitor.set(visitor)
    return await run_job(services, work, visitor)


def add_job_status(services: Services) -> None:
    """`/job_status`: how far a job has come."""

    async def job_status(job_id: str = "") -> dict[str, Any]:
        """See how far a job has come. It is answered at once, so wait a few seconds before you ask again.

        Args:
            job_id: The job's id, as start_many gave it.

        Returns:
            The job: job_id, state (running, done or failed), done, total, and detail in words.
        """
        return services.jobs.find(job_id).record()

    add_endpoint(services, job_status)


def add_job_result(services: Services) -> None:
    """`/job_result`: what came out of a job."""

    async def job_result(job_id: str = "") -> tuple[FileData | None, dict]:
        """Take the result of a job whose state is done. It may be taken again for an hour.

        Args:
            job_id: The job's id, as start_many gave it.

        Returns:
            The file, if one was asked for.
            The answer of the call, such as how many are done and failed, and each picture's answer.
        """
        file, record = await asyncio.to_thread(services.jobs.find(job_id).output)
        return file_data(file), record

    add_endpoint(services, job_result)


def add_cancel_job(services: Services) -> None:
    """`/cancel_job`: ends a job."""

    async def cancel_job(job_id: str = "") -> dict[str, Any]:
        """End a job, whether it is running or done; what it found so far is gone.

        Args:
            job_id: The job's id, as start_many gave it.

        Returns:
            The job: job_id, state (cancelled), done and total as far as it had come.
        """
        job = services.jobs.find(job_id)
        services.jobs.end(job)
        return job.record() | {"state": JobState.CANCELLED.value}

    add_endpoint(services, cancel_job)
