"""Every sentence of the page."""

NAME = "GAN Studio"
TITLE = "# GAN Studio\nChange a face in your photo, and draw faces that nobody has."
ABOUT = """What neural networks draw here is deleted within two hours.
Models made from CelebA are for non-commercial research only. GAN Studio is open source (MIT)."""
MODEL, MODEL_CARD = "Model", "Model card"

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
