# The page and its local server, on the CPU; docs/hosting.md says how to run it.
FROM python:3.11-slim-bookworm

WORKDIR /app

# What changes least comes first, so that its layers are built once.
COPY packages.txt ./
RUN apt-get update \
    && xargs -a packages.txt apt-get install -y --no-install-recommends \
    && rm -rf /var/lib/apt/lists/*

COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt

RUN useradd --uid 1000 --create-home app && install -d -o app -g app /home/app/models

COPY assets assets
COPY florence_ui florence_ui
COPY app.py LICENSE ./

ENV GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    HF_HOME=/home/app/models \
    PYTHONUNBUFFERED=1
USER 1000
EXPOSE 7860
HEALTHCHECK --start-period=60s --timeout=10s CMD ["python", "-c", \
    "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"GRADIO_SERVER_PORT\"]}/healthz')"]
CMD ["python", "app.py"]
