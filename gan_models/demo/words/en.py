"""Every sentence of the page."""

NAME = "GAN Studio"
TITLE = "# GAN Studio\nChange a face in your photo, and draw faces that nobody has."
ABOUT = """What neural networks draw here is deleted within two hours.
Models made from CelebA are for non-commercial research only. GAN Studio is open source (MIT)."""
MODEL, MODEL_CARD = "Model", "Model card"


def joined(*sentences: str) -> str:
    return " ".join(sentences)


# ---- The controls that tabs share
ANY = "any"
CATEGORIES = "the categories"
DRAW_CLASS, ONLY_WITH, ONLY_WITHOUT = "Draw", "Only with", "Only without"
TRUNCATION, TRUNCATION_INFO = "Truncation", "Below 1: more typical and less varied"

# ---- Sample
SAMPLE, SAMPLES, SEED, PICTURES, NEW_SEED, DRAW = "Sample", "Samples", "Seed", "Pictures", "New seed", "Draw"
PICKED_TITLE, IN_THE_WALK = "Picked", "This picture is the last one of the walk now."
VARIED, VARIATIONS, PINS = "a variation", "Variations of it", "Pins"
VARY, PIN, WALK_FROM, CHANGE = "Vary", "Pin", "Walk to it", "Change it"
EXPLORE_IT = "Explore it"
ALL, REOPEN, TAKE, TAKE_ZIP = "Download all", "Open a saved picture", "Download (PNG)", "Download (zip)"


# ---- Walk
WALK_TAB, STRIP, WALK_VIDEO, WALK = "Walk", "From one to the next", "The walk as a video", "Walk"
ANCHORS = "Pictures to walk between"
ANCHORS_INFO = "Two to six seeds, or 7:2 for picture 2 of seed 7."
BETWEEN, OPEN_THIS, USE_PINS, LOOP = "Along the walk", "Open this picture", "Walk through the pins", "Back to the first"
AS_WEBP, TAKE_VIDEO, TAKE_WEBP = "Make a WebP", "Download (MP4)", "Download (WebP)"
TOO_FEW_PINS = "Pin two pictures or more first: open one under Sample and choose Pin."
DRAWING, MAKING_VIDEO = "Drawing", "Making the video"

# ---- Attributes
ATTRIBUTES, PAIR, BEFORE, AFTER, AS_CLASS = "Attributes", "Before and after", "before", "after", "Draw it as"
STEPS, SWEEP = "In steps from none to full", "The same latent, label by label"
GRID_WITH, NO_GRID, KEEP, RESET = "Grid with", "no other", "Go on from this", "Reset"
UNCONDITIONAL = "This model was trained without labels, so there is nothing to change here."
FOUND = "Nobody told this model what digits there are: it found the categories and the codes by itself (InfoGAN)."
LABELS = """What an attribute means is what annotators of CelebA saw, not what anybody is. Only 12 of the 40 are
labelled reliably (Wu et al. 2023); Young, Pale Skin and Bushy Eyebrows are judgements, and often disputed."""
ONE_HAIR_COLOUR = "Hair has one colour at a time: raise one, and the others fade."


def first_ones(shown: int, all_of_them: int) -> str:
    return f"This model has {all_of_them} attributes; the first {shown} have sliders here."


def grid_of(across: str, first: float, down: str, second: float) -> str:
    return f"{across} {first:.0%}, {down} {second:.0%}"


# ---- Explore
EXPLORE, ALONG = "Explore", "From one end to the other"
EXPLORE_NOTE = """Directions along which this model's pictures change most. Nobody named them: they are read off its first
layer (SeFa, Shen and Zhou 2021). Move one and see what it means."""


def direction(number: int) -> str:
    return f"Direction {number}"


# ---- Compare
COMPARE, LEFT, RIGHT, NEXT_SEED = "Compare", "Left", "Right", "Next seed"
COMPARE_NOTE = "The same seed through two models, or through two moments of one training."
AT_CHECKPOINT, BEFORE_CHECKPOINT = "(last checkpoint)", "(checkpoint before)"


# ---- Attributes of faces, by their names in CelebA
ATTRIBUTE_NAMES = {
    "Arched_Eyebrows": "Eyebrows: arched",
    "Bald": "Bald",
    "Bangs": "Bangs",
    "Black_Hair": "Hair: black",
    "Blond_Hair": "Hair: blond",
    "Brown_Hair": "Hair: brown",
    "Bushy_Eyebrows": "Eyebrows: bushy",
    "Eyeglasses": "Glasses",
    "Goatee": "Goatee",
    "Gray_Hair": "Hair: grey",
    "Heavy_Makeup": "Make-up",
    "Male": "Masculine",
    "Mouth_Slightly_Open": "Mouth: open",
    "Mustache": "Mustache",
    "No_Beard": "Clean-shaven",
    "Pale_Skin": "Skin: pale",
    "Smiling": "Smile",
    "Wearing_Hat": "Hat",
    "Wearing_Lipstick": "Lipstick",
    "Young": "Young",
}


def attribute(name: str) -> str:
    return ATTRIBUTE_NAMES.get(name, name.replace("_", " "))


# ---- Edit a photo
PHOTO_TAB = "Edit a photo"
# What the instrument itself says (assets/photo.js)
STUDIO = {
    "open": "Open a photo",
    "drop": "Drop a photo here, or open one",
    "camera": "Camera",
    "take": "Take the picture",
    "cancel": "Cancel",
    "no_camera": "No camera can be used here; open a photo instead.",
    "close": "Remove it",
    "compare": "Hold to see the original",
    "original": "Original",
    "undo": "Undo",
    "redo": "Redo",
    "reset": "Reset all",
    "save": "Download",
    "saving": "Making the full-size file",
    "saved": "Saved at full size:",
    "face": "Face",
    "whole": "Whole photo",
    "faces": "Choose a face",
    "drawn": "Nobody: a neural network drew this face. Try it, then open your own photo.",
    "examples": "Or take a face that a network drew",
    "example": "Drawn face",
    "more": "More changes",
    "unreliable": "More, less reliable",
    "unreliable_why": "On many faces these do too little, or more than they say.",
    "there": "there already",
    "not_there": "not there",
    "no_change": "no change",
    "opening": "Looking for faces",
    "working": "Changing the face",
    "slow": "The server does not answer; try again.",
    "photo_of": "The photo",
    "with": "with",
}
PHOTO_NOTE = """Only photos of people who agree, please. Nothing is kept: what is made of a photo is deleted when you take
it away, open another or close the page, and the photo leaves this server's memory within an hour."""
UNRELIABLE = f"{LABELS} Of hair colours that are raised, the highest counts."
PHOTO_FOOT = f"{PHOTO_NOTE} {UNRELIABLE}"
EDITOR, PHOTO = "Editor", "Photo"
MORPH, OTHER_PHOTO, WAY, MORPH_STRIP, MORPH_VIDEO = (
    "Morph into another photo",
    "The other photo",
    "The way there",
    "From one face to the other",
    "There and back",
)
KEEPING_DETAIL = "keeping the photos' detail"
FINDING = "Finding both faces in the latent space"


def through(model: str) -> str:
    return f"through faces that {model} draws"


# ---- Repair
REPAIR, FILL, ALL_OF_IT, DENOISE, SHARPEN = (
    "Repair",
    "Fill what I painted over",
    "Whatever it seems to need",
    "Take away noise and specks",
    "Sharpen",
)
UNBLOCK, TWICE, FOUR_TIMES, COLOUR = "Take away JPEG's blocks", "Twice as large", "Four times as large", "Colour"
REPAIR_NOTE = """Upload a photo (please only of people who agree), or take a drawn face. Paint over what should be
filled, or choose what else is wrong. **What is lost is lost**: the network draws what is likely there, not what was. It
learned faces of 64 pixels; elsewhere and in large holes it is coarse. Nothing is kept."""
TAKE_DRAWN_FACE, WHAT_TO_DO, DO_REPAIR = "Take a drawn face", "What to do", "Repair"
STRENGTH, STRENGTH_INFO = "How strong the damage is", "0: as strong as it seems"
PAINT_HERE, REPAIRED_PHOTO = "Paint over what should be filled", "Repaired photo, at full size"
NO_DAMAGED = "There is no photo yet: upload one, or take a drawn face."
NOTHING_PAINTED = "Nothing is painted over: mark what should be filled with the brush."
BAD_PAINTING = "What was painted cannot be read; try it again, or load the page anew."

# ---- Sketch
SKETCH, DRAW_HERE, SKETCHED, TAKE_LINES = "Sketch", "Draw a face here", "The face", "Begin with a drawn face's lines"
SKETCH_NOTE = """Draw the lines of a face, from the front and as large as the canvas: eyes a little above the middle. The
network draws a face that such lines could be of. It is nobody."""

# ---- What goes wrong
TROUBLE = "That did not work"
BUSY = "Too many ask for something at the moment; try again in a minute."
UNEXPECTED = "Something went wrong here that should not; try it again, or load the page anew."
NOTHING_TO_DO = "None of these models draws or edits pictures: offer another one by --model."
NOT_OFFERED = "That model is not offered here; choose one of the list."
NOT_ALIKE = "These two draw pictures of different sizes; choose two that draw alike."
NO_SUCH_CLASS = "Both models must know that class; choose one of the list."
NO_SUCH_DIRECTION = "There is no such direction; choose one of the list."
NO_SUCH_TAB = "There is no such tab for this model; choose one that is shown."
BAD_LINK = "This link is cut or damaged; copy the whole of it."
OTHER_REVISION = "This was made with other weights of the same name, so it may look different here."
NO_MARK = "Nothing is written inside this file that says what it was drawn from; choose one that was saved here."
NOT_DRAWN = "This file was not drawn from a seed or a latent, so that it cannot be opened again here."
NOTHING_DRAWN = "Nothing is drawn yet: choose Draw first."
NO_EDITOR = "That model cannot edit photos; choose one of the list."
NO_UPLOAD = "That photo is not here, or no longer; choose the file anew."
NO_PHOTO = "There is no photo yet: upload one, or take one of the drawn faces."
NO_OTHER = "There is no second photo yet: upload one to morph into."
PHOTO_GONE = "This photo is not here any more: photos are forgotten after an hour. Open it again."
NO_SUCH_CHANGE = "That change is not offered here; choose one that is shown."
NO_SUCH_EXAMPLE = "There is no such drawn face; choose one that is shown."
NOTHING_PICKED = "Nothing was picked; click on a picture."
NO_PLACE = "No place was picked; click on the picture."
TOO_LITTLE = "The page sent too little; load it anew."
UPLOAD_EMPTY = "There is no file in this upload."
UPLOAD_BROKEN = "This upload cannot be read."


def too_large(most: int) -> str:
    return f"File size exceeded maximum allowed size of {most} bytes."


def both(attribute: str) -> str:
    return f"{attribute} cannot be both wanted and unwanted: take it out of one of the two."


def no_such_model(name: str) -> str:
    return f"The model of this file, {name}, is not offered here."


# ---- Lab
LAB_TAB = "Lab"
LAB_NOTE = """A GAN learns to imitate the black points, here and now. Choose an example, or any settings: what you change
counts at once, also while it trains."""
LAB_EXAMPLES = "Examples"
COLLAPSE, COLLAPSE_CURED = "Modes collapse", "Modes stay"
COLLAPSE_SAYS = """**The original game** of 2014 and a slow discriminator. The generator gets away with a few of the eight modes: nothing in its
loss says that the others are missing. It jumps from one to the next, and the discriminator runs after it."""
COLLAPSE_CURED_SAYS = """**Its cure: relativistic pairs, R1 and R2, and a discriminator that keeps up.** Each real point is compared with a generated
one, so every mode that is missing counts; the penalties keep the discriminator smooth at both (R3GAN, 2024)."""
OSCILLATION, OSCILLATION_CURED = "It goes round and round", "It comes to rest"
OSCILLATION_SAYS = """**Momentum and no penalty.** Each player answers where the other one was. The points swing around
the data instead of settling on it."""
OSCILLATION_CURED_SAYS = """**Its cure: R1 and no momentum.** The penalty takes the slope away at the data, and with it
what pushes points on that have arrived (Mescheder et al. 2018)."""
VANISHING, VANISHING_CURED = "Gradients vanish", "Gradients stay"
VANISHING_SAYS = """**A discriminator that always wins** against the original loss of the generator. Where it is sure that
a point is generated, that loss is flat: the lines at the points, which show how they are pushed, shrink to nothing."""
VANISHING_CURED_SAYS = """**Its cure: the non-saturating loss and R1.** The generator asks to be found real instead of
not to be found out: the surer the discriminator, the stronger the push, and R1 keeps it from being too sure."""
POINTS, OBJECTIVE, PENALTY, PENALTY_STRENGTH = "Points", "Objective", "Penalty", "Penalty strength"
DISCRIMINATOR_STEPS, DISCRIMINATOR_RATE = "Discriminator steps", "Discriminator rate"
GENERATOR_RATE, MOMENTUM = "Generator rate", "Momentum"
DISCRIMINATOR_STEPS_INFO = "for one of the generator"
RING, GRID, SPIRAL, MOONS = "Ring of eight", "Grid", "Spiral", "Moons"
LOGISTIC, MINIMAX = "Non-saturating", "Minimax"
LEAST_SQUARES, WASSERSTEIN, HINGE = "Least squares", "Critic (Wasserstein)", "Hinge"
RELATIVISTIC = "Relativistic"
NO_PENALTY, R1, R1_R2 = "None", "R1 (real)", "R1 and R2"
GRADIENT_PENALTY, CLIPPING = "WGAN-GP (between)", "Clipped weights"
TRAIN, STOP, ANEW = "Train", "Stop", "Start anew"
LEGEND = """<b class="real">Black</b>: real points. <b class="generated">Magenta</b>: generated ones, each with a line that
shows how it is pushed. Orange: the discriminator finds it real there; blue: generated."""
LOSSES, OF_DISCRIMINATOR, OF_GENERATOR = "Losses", "discriminator", "generator"
OVERFLOWED = "The numbers have overflowed: lower the learning rates and start anew."


def modes(updates: int, covered: int, all_of_them: int, good: float) -> str:
    return f"{updates:,} updates: {covered} of {all_of_them} modes found, {good:.0%} of the points are good"


def frame_alt(updates: int, covered: int, all_of_them: int) -> str:
    return f"The plane after {updates:,} updates: generated points at {covered} of {all_of_them} modes of the real ones"


def losses_alt(discriminator: float, generator: float) -> str:
    return f"Losses over time; last, of the discriminator {discriminator:.2f} and of the generator {generator:.2f}"


def lab_busy(most: int) -> str:
    return (
        f"{most} visitors are training here at this moment, and that is all this server can do; try again in a minute."
    )


# ---- Train
TRAIN_TAB = "Train"
TRAIN_NOTE = """Train a recipe on this machine, as `python -m training` does. You may close the page meanwhile: the
training goes on until it is done, you stop it, or the server ends."""
RECIPE, RUN_NAME, RUN_NAME_INFO = "Recipe", "Name of the run", "Its folder below runs/"
IMAGES, IMAGES_INFO = "Images", "How many real pictures to show in all"
DATA_ROOT, DATA_ROOT_INFO = "Data", "The folder of the data sets; empty: GAN_STUDIO_DATA, else data/"
OWN_PICTURES, OWN_PICTURES_INFO = "Own pictures", "A folder, .zip or .tar instead; sub-folders are classes"
NOTHING_TRAINED, RUN_SAMPLES = "Nothing is being trained.", "What it draws"
TRAIN_START, TRAIN_RESUME, TRAIN_OPEN = "Start", "Resume", "Open in the other tabs"
NO_IMAGES = "The number of images must be from 1 to 10,000,000,000."


def still_training(name: str) -> str:
    return f"{name} is being trained; stop it first, or wait for its end."


def training_now(name: str) -> str:
    return f"{name} is being trained."


def training_over(name: str) -> str:
    return f"The training of {name} has ended."


def no_run_name(name: str) -> str:
    return f"A run's name has letters, digits, dots and dashes, at most 60, not {name}; choose another."


def opened(name: str) -> str:
    return f"{name} is in the list of models now."
