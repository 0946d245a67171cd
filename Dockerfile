# The demo as a container:
#   docker build -t gan-studio .
#   docker run --rm -p 7860:7860 gan-studio
FROM python:3.12-slim

# As Hugging Face Spaces want it: an ordinary user, number 1000.
RUN useradd --create-home --uid 1000 user
WORKDIR /home/user/app
ENV GRADIO_SERVER_NAME=0.0.0.0 PYTHONUNBUFFERED=1

# The packages first: they change seldom. Of requirements.txt only what the demo runs on; torch without CUDA is a tenth of the size.
COPY requirements.txt .
RUN sed '/^# training/,$d' requirements.txt > demo.txt \
    && pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -r demo.txt
COPY app.py .
COPY gan_models gan_models

USER user
EXPOSE 7860
CMD ["python", "app.py"]
