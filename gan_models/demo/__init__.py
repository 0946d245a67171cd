"""The demo: what a person sees in the browser. The only room that imports gradio; `import gan_models` does not load it."""
