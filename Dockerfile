# The demo as a container, with the bundled models inside:
#   docker build -t gan-studio .
#   docker run --rm -p 7860:7860 gan-studio
# tests/container.py runs these same steps where there is no Docker.
FROM python:3.12-slim

# As Hugging Face Spaces want it: an ordinary user, number 1000.
RUN useradd --create-home --uid 1000 user
WORKDIR /home/user/app
ENV GRADIO_SERVER_NAME=0.0.0.0 GRADIO_ANALYTICS_ENABLED=False PYTHONUNBUFFERED=1

# The packages first: they change seldom. Of requirements.txt only what the demo runs on; torch without CUDA is a tenth
# of the size. C headers and PyTorch's own tests go at once: what a later step deletes stays in the image.
COPY requirements.txt .
RUN sed '/^# ONNX/,$d; /^torchvision/d' requirements.txt > demo.txt \
    && pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -r demo.txt \
    && rm -r demo.txt "$(python -c 'import torch; print(torch.__path__[0])')/include"
COPY app.py LICENSE ./
COPY gan_models gan_models
# What the lab trains its points with; it needs nothing else of training.
COPY training/__init__.py training/errors.py training/losses.py training/penalties.py training/
COPY training/points training/points
RUN python -m compileall -q app.py gan_models training

USER user
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD python -c "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/config', timeout=8)"
CMD ["python", "app.py", "--port", "7860"]
