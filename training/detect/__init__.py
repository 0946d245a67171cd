"""Train a detector of generated pictures, and measure how often it errs.

    python -m training.detect --data-root data --output detector
    python -m training.detect mnist-cgan runs/mine/model --data-root data --output detector

It is trained on pictures of the named generators (default: all bundled ones) and on real pictures of the data sets that
these were trained on and of `--others`. Most of the pictures are damaged as happens on the web: saved as JPEG, resized,
cropped, blurred. Then the same is trained again, once without each generator and once without each of `--others`, and
tested on what was left out. That measures the detector against a generator that it has never seen (Wang et al. 2020,
arXiv:1912.11035).

Test pictures are never trained on. One half of the real ones sets the threshold, which at most 1 % of each data set
exceed, damaged pictures included; the other half measures the false alarms.
"""
