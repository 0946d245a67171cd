# The demo as a container: docker build -t gan-studio . && docker run -p 7860:7860 gan-studio
FROM python:3.12-slim
RUN useradd --create-home --uid 1000 user
WORKDIR /app

# Of the one list of pins, what stands above "# training"; and torch's CPU build, a tenth of the size of the CUDA one.
COPY requirements.txt .
RUN sed '/^# training/,$d' requirements.txt > demo.txt \
 && pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -r demo.txt

COPY LICENSE app.py ./
COPY gan_models gan_models
USER user
ENV GRADIO_SERVER_NAME=0.0.0.0 PYTHONUNBUFFERED=1
EXPOSE 7860
CMD ["python", "app.py"]
