"""The same call as code to paste: `curl`, and Python with inference-sdk and supervision.

All text from a person or a model becomes a quoted literal of the shell, JSON or Python, so no text changes what a
snippet does. The key stays an environment variable.
"""

import json
import re
import shlex
from collections.abc import Sequence

from florence_ui.exports.snippet_steps import FollowUp, build_steps
from florence_ui.models import MAX_NEW_TOKENS
from florence_ui.prompts import task_of_prompt
from florence_ui.rendering.annotators import ANNOTATORS, DEFAULTS, Annotator
from florence_ui.rendering.colors import contrasting_text_color
from florence_ui.rendering.style import LINE_WIDTH, MIN_TEXT_SIZE, TEXT_SIZE, Style
from florence_ui.tasks import OutputKind

IMAGE, ANNOTATED = "picture.jpg", "annotated.png"
STANDARD_IMPORTS = {"os": "import os", "re": "import re", "Path": "from pathlib import Path"}
OTHER_IMPORTS = {
    "matplotlib": "import matplotlib",
    "np": "import numpy as np",
    "sv": "import supervision as sv",
    "InferenceHTTPClient": "from inference_sdk import InferenceConfiguration, InferenceHTTPClient",
    "Image": "from PIL import Image, ImageOps",
}
"""A name in a program -> its import, in isort's order."""


def curl_snippet(
    *,
    url: str,
    model_id: str,
    prompt: str,
    alone: bool = True,
    needs_key: bool = False,
) -> str:
    """Write one call as a POSIX shell command that prints the server's JSON.

    The picture is piped, because most systems limit the length of arguments.

    Args:
        url: The backend's base address.
        model_id: The model.
        prompt: The prompt as it is sent.
        alone: Whether it is the only call; otherwise a comment says that the Python program makes all of them.
        needs_key: Whether to send a key.
    """
    body = {"model_id": model_id, "prompt": prompt, "max_new_tokens": MAX_NEW_TOKENS}
    start, end = json.dumps(body)[:-1] + ', "image": {"type": "base64", "value": "', '"}}'
    headers = ["-H 'Content-Type: application/json'"]
    if needs_key:
        headers.insert(0, '-H "Authorization: Bearer $API_KEY"')
    lines = [] if alone else ["# The first call; the Python program makes all of them."]
    lines += [
        f"{{ printf %s {_shell_quote(start)}; base64 < {IMAGE} | tr -d '\\n'; printf %s '{end}'; }} |",
        f"  curl -sS {_shell_quote(url.rstrip('/') + '/infer/lmm')} \\",
        *[f"    {header} \\" for header in headers],
        "    --data-binary @-",
    ]
    return "\n".join(lines) + "\n"


def python_snippet(
    *,
    url: str,
    model_id: str,
    prompt: str | Sequence[str],
    then: FollowUp | None = None,
    style: Style | None = None,
    needs_key: bool = False,
) -> str:
    """Write a program that asks, makes follow-up calls if wanted, prints the text and saves the drawing.

    Args:
        url: The backend's base address.
        model_id: The model.
        prompt: The prompt as it is sent, or several of the same task (such as one per class), whose answers are merged.
        then: What follows the first answer: for GROUND the prompt is a caption, for READING_ORDER
            `<OCR_WITH_REGION>`, for the others one that returns boxes.
        style: How to draw.
        needs_key: Whether to send a key.
    """
    prompts = [prompt] if isinstance(prompt, str) else list(prompt)
    task, style = task_of_prompt(prompts[0]), style or Style()
    body, kind = build_steps(task, prompts, then)
    if kind is not None:
        phrase = prompts[0].removeprefix(task.token) if task.token == _NAMED_BY_PHRASE else ""
        body += _drawing_steps(kind, style, phrase, labeled=bool(then) or task.token not in _NAMELESS)
    code = "\n".join([*_client_setup(url, model_id, needs_key), *body]) + "\n"
    return "\n".join([*_imports(code), code])


_NAMELESS = {"<REGION_PROPOSAL>", "<REGION_TO_SEGMENTATION>"}
"""Tasks whose answers have no labels."""
_NAMED_BY_PHRASE = "<REFERRING_EXPRESSION_SEGMENTATION>"
"""The task whose answers are labeled with the phrase that was asked for."""


def _shell_quote(text: str) -> str:
    """Quote for the shell, without control characters, which a terminal would interpret on paste."""
    return shlex.quote("".join(c for c in text if c.isprintable()))


def _imports(code: str) -> list[str]:
    """The imports that a program needs, in isort's order."""
    used = set(re.findall(r"\b\w+(?=[.(])", code))
    standard = [line for name, line in STANDARD_IMPORTS.items() if name in used]
    others = [line for name, line in OTHER_IMPORTS.items() if name in used]
    first = ["# pip install inference-sdk supervision matplotlib"]
    return [*first, *standard, *([""] if standard else []), *others, ""]


def _client_setup(url: str, model_id: str, needs_key: bool) -> list[str]:
    key = 'os.environ["API_KEY"]' if needs_key else "None"
    return [
        f"client = InferenceHTTPClient(api_url={url.rstrip('/')!r}, api_key={key})",
        'client.configure(InferenceConfiguration(api_key_transport="header"))',
        f'image = ImageOps.exif_transpose(Image.open({IMAGE!r})).convert("RGB")',
        "",
        "",
        "def ask(prompt, image=image):",
        "    answer = client.infer_lmm(",
        f"        image, model_id={model_id!r}, prompt=prompt, max_new_tokens={MAX_NEW_TOKENS}",
        "    )",
        '    return answer["response"]',
        "",
        "",
    ]


def snippet_annotators(kind: OutputKind, style: Style) -> list[Annotator]:
    """The annotators of a program: the style's or the defaults, with fallbacks where detections lack what one needs."""
    chosen = [name for name in ANNOTATORS if name in style.annotators] or DEFAULTS[kind]
    usable = []
    for annotator in (ANNOTATORS[name] for name in chosen):
        while annotator.needs not in (None, kind):
            annotator = ANNOTATORS[annotator.fallback]
        usable.append(annotator)
    return list(dict.fromkeys(usable))


def _drawing_steps(kind: OutputKind, style: Style, phrase: str, labeled: bool) -> list[str]:
    given = f"[{phrase!r}] * len(detections)" if phrase else 'detections.data.get("class_name", [])'
    painting = [
        f"{annotator.code(style.opacity)}.annotate(annotated, detections)"
        for annotator in snippet_annotators(kind, style)
    ]
    colors = [color.as_hex() for color in style.color_palette.colors]
    lines = [
        "",
        f"palette = sv.ColorPalette.from_hex({colors})",
        f"names = [str(name) for name in {given}]",
        "detections.class_id = np.array([names.index(name) for name in names], dtype=int)",
        "side = min(image.size)",
        f"thickness = max(sv.calculate_optimal_line_thickness(image.size), round(side * {LINE_WIDTH}))",
        f"thickness = max(1, round(thickness * {style.thickness}))" if style.thickness != 1 else "",
        "annotated = image.copy()",
        *painting,
        *(_labels(style) if labeled and style.labels else []),
        f"annotated.save({ANNOTATED!r})",
    ]
    return [line for number, line in enumerate(lines) if line or number == 0]


def _labels(style: Style) -> list[str]:
    texts = [contrasting_text_color(color).as_hex() for color in style.color_palette.colors]
    return [
        f"size = round(max({MIN_TEXT_SIZE}, {TEXT_SIZE} * max(image.size)) * {style.text_size})",
        "sv.RichLabelAnnotator(",
        "    palette,",
        f"    text_color=sv.ColorPalette.from_hex({texts}),",
        '    font_path=str(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf")),',
        "    font_size=size,",
        "    text_padding=max(2, round(size * 0.28)),",
        "    border_radius=max(1, round(size * 0.2)),",
        "    smart_position=True,",
        ").annotate(annotated, detections, names)",
    ]
