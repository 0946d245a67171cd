"""Every sentence of the page."""

NAME = "GAN Studio"
TITLE = "# GAN Studio\nChange a face in your photo, or draw faces of people who do not exist."
TITLE_DRAWING = "# GAN Studio\nDraw pictures with a neural network, walk from one to the next, and change them."
ABOUT = """Pictures drawn here are deleted within two hours.
Models made from CelebA are for non-commercial research only. GAN Studio is open source (MIT)."""
MODEL, MODEL_CARD = "Model", "Model card"


def joined(*sentences: str) -> str:
    return " ".join(sentences)


# ---- The controls that tabs share
ANY = "any"
CATEGORIES = "All categories"
DRAW_CLASS, ONLY_WITH, ONLY_WITHOUT = "Draw only", "Only with", "Only without"
ONLY_FACES_WITH, ONLY_FACES_WITHOUT = "Only faces with", "Only faces without"
TRUNCATION, TRUNCATION_INFO = "Randomness", "Below 1: more typical and less varied (truncation)"

# ---- Sample
SAMPLE, SAMPLES, SEED, PICTURES, NEW_SEED, DRAW = "Sample", "Samples", "Seed", "Pictures", "New seed", "Draw"
PICKED_TITLE, IN_THE_WALK = "Picked", "This picture is now the last one of the walk."
PINNED, UNPINNED = "Pins stay below the pictures, in each tab that draws.", "This picture is no pin any more."
VARIED, VARIATIONS, PINS = "a variation", "Variations", "Pins"
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
STEPS, SWEEP = "Across, from none to full", "The same latent, label by label"
GRID_WITH, NO_GRID, KEEP, RESET = "Down, for a grid of two", "no other", "Continue from this", "Reset"
ANOTHER = "Another picture"
LABELS = """Attributes are what CelebA's annotators saw in a picture, not what a person is. Only 12 of the 40 are
labelled reliably (Wu et al. 2023); Young, Pale Skin and Bushy Eyebrows are matters of opinion."""
ONE_HAIR_COLOUR = "Hair has one colour at a time: raise one, and the others fade."


def first_ones(shown: int, all_of_them: int) -> str:
    return f"This model has {all_of_them} attributes; the first {shown} have sliders here."


def grid_of(across: str, first: float, down: str, second: float) -> str:
    return f"{across} {first:.0%}, {down} {second:.0%}"


# ---- Explore
EXPLORE, ALONG = "Explore", "From one end to the other"
EXPLORE_NOTE = """Directions in latent space along which this model's pictures change most. They have no names: they
come from the weights of its first layer (SeFa, Shen and Zhou 2021). Move a slider and see what it changes."""
EXPLORE_CODES = """This model was trained without labels: it found these categories and codes by itself (InfoGAN, Chen et
al. 2016). Choose a category, move a code or a direction, and see what it changes."""
CATEGORY = "Category"


def category(number: int) -> str:
    return f"category {number}"


def direction(number: int) -> str:
    return f"Direction {number}"


def code(number: int) -> str:
    return f"Code {number}"


# ---- What is told of a model
CLASSES, ATTRIBUTES_OF = "classes", "attributes"


def of_model(name: str, family: str, width: int, height: int, able: str, data: str) -> str:
    return f"**{name}**: family `{family}`, {width} x {height} pixels, {able}. {data}"


def able_to_draw(numbers: int, told: str) -> str:
    return f"latent of {numbers} numbers, {told}"


def told_labels(count: int, kind: str) -> str:
    return f"conditional on {count} {kind}"


def found_codes(categories: int) -> str:
    return f"trained without labels, found {categories} categories by itself"


TOLD_NOTHING, DRAWS_FROM_LINES = "trained without labels", "draws a picture from lines"
DRAWS_FROM_PICTURES = "draws a picture from another one, as learned from pairs"


def able_to_edit(count: int) -> str:
    return f"changes {count} attributes of faces"


def able_to_repair(count: int) -> str:
    return f"knows {count} kinds of damage"


# ---- Compare
COMPARE, LEFT, RIGHT, NEXT_SEED = "Compare", "Left", "Right", "Next seed"
COMPARE_NOTE = "The same seed through two models, or through two moments of one training."
TEN_YEARS = "`mnist-mlp` is a GAN as of 2014, `mnist-r3gan` one of 2024."
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

# ---- Classes of CIFAR-10 and FashionMNIST, by their names there
CLASS_NAMES = {
    "airplane": "Airplane",
    "automobile": "Car",
    "bird": "Bird",
    "cat": "Cat",
    "deer": "Deer",
    "dog": "Dog",
    "frog": "Frog",
    "horse": "Horse",
    "ship": "Ship",
    "truck": "Truck",
    "T-shirt/top": "T-shirt or top",
    "Trouser": "Trousers",
    "Pullover": "Jumper",
    "Dress": "Dress",
    "Coat": "Coat",
    "Sandal": "Sandals",
    "Shirt": "Shirt",
    "Sneaker": "Sneakers",
    "Bag": "Bag",
    "Ankle boot": "Ankle boots",
}


def attribute(name: str) -> str:
    return ATTRIBUTE_NAMES.get(name) or CLASS_NAMES.get(name, name.replace("_", " "))


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
    "drawn": "This person does not exist: a neural network drew this face. Try it, then open your own photo.",
    "examples": "Or use a generated face",
    "example": "Generated face",
    "more": "More changes",
    "unreliable": "More, less reliable",
    "unreliable_why": "On many faces these change too little or too much.",
    "there": "there already",
    "not_there": "not there",
    "not_offered": "comes out poor",
    "aside": "turned away",
    "turned": "This face is turned too far to the side to be edited. Choose another, or a photo from the front.",
    "opening": "Looking for faces",
    "working": "Changing the face",
    "too_large": "This photo is too large: at most {} MB are taken.",
    "slow": "The server does not answer; try again.",
    "photo_of": "The photo",
    "with": "with",
}
PHOTO_NOTE = """Please use only photos of people who agree. Nothing is kept: edited versions are deleted when you remove
the photo, open another or close the page, and the photo leaves the server's memory within an hour."""
UNRELIABLE = f"{LABELS} If several hair colours are raised, the highest counts."
PHOTO_FOOT = f"{PHOTO_NOTE}\n\n{UNRELIABLE}"
EDITOR, PHOTO = "Editor", "Photo"
MORPH, OTHER_PHOTO, WAY, MORPH_STRIP, MORPH_VIDEO = (
    "Morph into another photo",
    "The other photo",
    "Method",
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
    "Repair what it detects",
    "Remove noise and specks",
    "Sharpen",
)
UNBLOCK, TWICE, FOUR_TIMES, COLOUR = "Remove JPEG blocks", "Twice as large", "Four times as large", "Colour"
REPAIR_NOTE = """Upload a photo (please only of people who agree), or use a generated face. Paint over what should be
filled, or choose another repair. **Lost detail cannot be recovered**: the network draws what is likely, not what was
there. It was trained on faces of 64 pixels; other pictures and large holes come out coarse. Nothing is kept."""
TAKE_DRAWN_FACE, WHAT_TO_DO, DO_REPAIR = "Use a generated face", "What to do", "Repair"
STRENGTH, STRENGTH_INFO = "Strength of the damage", "0: estimated from the photo"
PAINT_HERE, TAKE_WHOLE = "Paint over what should be filled", "Download at full size (PNG)"
NO_DAMAGED = "There is no photo yet: upload one, or use a generated face."
NOTHING_PAINTED = "Nothing is marked: paint over what should be filled."
NOTHING_DETECTED = "The network detects no damage in this photo. To repair it all the same, choose what to do."
BAD_PAINTING = "The painting cannot be read; try again, or reload the page."

# ---- Verify
VERIFY, TO_VERIFY = "Verify", "A picture or a video"
VERIFY_NOTE = """Was it generated? Choose a file: what is written inside of it is read. Anybody can write that, or take it
out. Nothing is kept."""
DETECTOR_NOTE = """Then a small network says what it thinks. **It cannot tell whether a picture from the net is generated**:
it knows the generators of this page, hardly any other, and no edits of photos. Never let it be the reason to accuse
anybody."""
WRITTEN_INSIDE, DETECTOR_THINKS = "What is written inside", "What the detector thinks"
NOTHING_INSIDE = "Nothing is written inside of how it was made. That says nothing: it is easily taken out."
BROKEN_INSIDE = "What is written inside is damaged, or not what it should be."
SAYS = {
    "generated": "It is written inside that it was generated. Anybody could have written that.",
    "edited": "It is written inside that a photo was changed by a model. Anybody could have written that.",
    "photographed": "It is written inside that a camera took it. Anybody could have written that.",
}
SIGNED_ANOTHER = "It has Content Credentials that do not fit it: it was changed after it was signed."
LOOKS_GENERATED, LOOKS_REAL = "It looks generated.", "It does not look generated."
NO_OPINION = "None: it takes pictures of at least 28 pixels on a side, and no videos."
NO_DETECTOR = "There is no detector here."
DETECTOR_LIMITS = """What it does not suspect may be generated all the same, and some of what it suspects is real. How often
each happens stands below."""
HOW_OFTEN = "The share of test pictures that it takes for generated"
RATES = {
    "found": "drawn by generators that it knows",
    "unseen": "drawn by a generator that it never saw",
    "false_alarms": "real, of kinds that it knows",
    "other_data": "real, of a kind that it never saw",
}
DAMAGED = {
    "undamaged": "as it is",
    "jpeg": "saved as JPEG",
    "resized": "resized",
    "cropped": "cropped",
    "blurred": "blurred",
}


def drawn_by(model: str) -> str:
    return f"It is written inside that {model} of GAN Studio has drawn it."


def changed_by(model: str) -> str:
    return f"It is written inside that {model} of GAN Studio has changed a photo."


def edits_of(changes: str) -> str:
    return f"The changes: {changes}."


def signed_by(signer: str) -> str:
    return f"Signed by {signer}; whether they are who they say was not checked."


# ---- Sketch
SKETCH, DRAW_HERE, SKETCHED, TAKE_LINES = (
    "Sketch",
    "Draw a face here",
    "The face",
    "Start from the lines of a generated face",
)
SKETCH_NOTE = """Draw the lines of a face, from the front and as large as the canvas, with the eyes a little above the
middle. The network draws a face with such lines, of a person who does not exist."""

# ---- Translate
TRANSLATE, TURN_INTO, DO_TRANSLATE = "Translate", "Turn it into", "Translate"
TRANSLATE_NOTE = """Upload a picture (of people only with their consent), and the network turns it into another kind. It
changes everything that differs between the kinds in its training pictures. Nothing is kept."""


def able_to_translate(kinds: str) -> str:
    return f"translates into {kinds}"


# ---- What goes wrong
TROUBLE = "That did not work"
BUSY = "The server is busy; try again in a minute."
UNEXPECTED = "Something unexpected went wrong; try again, or reload the page."
NOTHING_TO_DO = "None of these models draws or edits pictures: add another one by --model."
NOT_OFFERED = "That model is not offered here; choose one from the list."
NOT_ALIKE = "These two models draw pictures of different sizes or colours; choose two that match."
NO_SUCH_CLASS = "Both models must know that class; choose one from the list."
NO_SUCH_DIRECTION = "There is no such direction; choose one from the list."
NO_SUCH_TAB = "There is no such tab for this model; choose one that is shown."
BAD_LINK = "This link is incomplete or damaged; copy it again."
OTHER_REVISION = "This was made with other weights of the same name, so it may look different here."
NO_MARK = "This file does not say what it was drawn from; choose one that was saved here."
NOT_DRAWN = "This file was not drawn from a seed or a latent, so it cannot be opened here."
NOTHING_DRAWN = "Nothing is drawn yet: choose Draw first."
NO_EDITOR = "That model cannot edit photos; choose one from the list."
NO_UPLOAD = "That photo is not on this server; choose the file again."
NO_PHOTO = "There is no photo yet: upload one, or use one of the generated faces."
NO_OTHER = "There is no second photo yet: upload one to morph into."
PHOTO_GONE = "This photo is no longer on this server: photos are deleted after an hour. Open it again."
NO_SUCH_CHANGE = "That change is not offered here; choose one that is shown."
NO_SUCH_EXAMPLE = "There is no such generated face; choose one that is shown."
NOTHING_PICKED = "Nothing was picked; click on a picture."
NO_PLACE = "No place was picked; click on the picture."
TOO_LITTLE = "The page sent incomplete data; reload it."
UPLOAD_EMPTY = "There is no file in this upload."
UPLOAD_BROKEN = "This upload cannot be read."


def too_large(most: int) -> str:
    return f"This file is too large: at most {most / 2**20:.3g} MB are taken."


def both(attribute: str) -> str:
    return f"{attribute} cannot be both wanted and unwanted: remove it from one of the two lists."


def no_such_model(name: str) -> str:
    return f"The model of this file, {name}, is not offered here."


# ---- Lab
LAB_TAB = "Lab"
LAB_NOTE = """A GAN learns to imitate the black points while you watch. Choose an example, or your own settings: changes
take effect at once, also during training."""
LAB_EXAMPLES = "Examples"
COLLAPSE, COLLAPSE_CURED = "Mode collapse", "Modes stay"
COLLAPSE_SAYS = """**The original loss** of 2014 and a slow discriminator. The generator draws only a few of the eight
modes: nothing in its loss says that the others are missing. It jumps from one to the next, and the discriminator
follows."""
COLLAPSE_CURED_SAYS = """**The cure: the relativistic loss, R1 and R2, and a discriminator that keeps up.** Each real point
is compared with a generated one, so every missing mode costs. The penalties keep the discriminator smooth (R3GAN,
2024)."""
OSCILLATION, OSCILLATION_CURED = "Oscillation", "Convergence"
OSCILLATION_SAYS = """**Momentum and no penalty.** Each player reacts to where the other one was. The points circle around
the data instead of settling on it."""
OSCILLATION_CURED_SAYS = """**The cure: R1 and no momentum.** The penalty makes the discriminator flat at the data, so
that points which have arrived are not pushed any further (Mescheder et al. 2018)."""
VANISHING, VANISHING_CURED = "Vanishing gradients", "Gradients stay"
VANISHING_SAYS = """**A discriminator that always wins** against the original loss of the generator. That loss is flat where
the discriminator is sure that a point is generated. The lines at the points, which show how they are pushed, shrink to
nothing."""
VANISHING_CURED_SAYS = """**The cure: the non-saturating loss and R1.** The surer the discriminator is that a point is
generated, the stronger this loss pushes it, and R1 keeps the discriminator from being too sure."""
POINTS, OBJECTIVE, PENALTY, PENALTY_STRENGTH = "Points", "Objective", "Penalty", "Penalty strength"
DISCRIMINATOR_STEPS, DISCRIMINATOR_RATE = "Discriminator steps", "Discriminator rate"
GENERATOR_RATE, MOMENTUM = "Generator rate", "Momentum"
DISCRIMINATOR_STEPS_INFO = "per generator step"
RING, GRID, SPIRAL, MOONS = "Ring of eight", "Grid", "Spiral", "Moons"
LOGISTIC, MINIMAX = "Non-saturating", "Minimax"
LEAST_SQUARES, WASSERSTEIN, HINGE = "Least squares", "Critic (Wasserstein)", "Hinge"
RELATIVISTIC = "Relativistic"
NO_PENALTY, R1, R1_R2 = "None", "R1 (real)", "R1 and R2"
GRADIENT_PENALTY, CLIPPING = "WGAN-GP (between)", "Clipped weights"
TRAIN, STOP, ANEW = "Train", "Stop", "Start again"
LEGEND = """<b class="real">Black</b>: real points. <b class="generated">Magenta</b>: generated points, each with a line that
shows where it is pushed. Orange: here the discriminator says real; blue: generated."""
LOSSES, OF_DISCRIMINATOR, OF_GENERATOR = "Losses", "discriminator", "generator"
OVERFLOWED = "The numbers have overflowed: lower the learning rates and start again."


def modes(updates: int, covered: int, all_of_them: int, good: float) -> str:
    return f"{updates:,} updates: {covered} of {all_of_them} modes found, {good:.0%} of the points are good"


def frame_alt(updates: int, covered: int, all_of_them: int) -> str:
    return f"The plane after {updates:,} updates: generated points at {covered} of {all_of_them} modes of the real ones"


def losses_alt(discriminator: float, generator: float) -> str:
    return f"Losses over time; last, of the discriminator {discriminator:.2f} and of the generator {generator:.2f}"


def lab_busy(most: int) -> str:
    return f"{most} visitors are training at the moment, which is all that this server can do; try again in a minute."


# ---- Train
TRAIN_TAB = "Train a recipe"
TRAIN_NOTE = """Train a recipe on this machine, as `python -m training` does. You may close the page: the training
continues until it is done, you stop it, or the server ends."""
RECIPE, RUN_NAME, RUN_NAME_INFO = "Recipe", "Name of the run", "Its folder below runs/"
IMAGES, IMAGES_INFO = "Images", "How many real pictures to train on in all"
DATA_ROOT, DATA_ROOT_INFO = "Data", "The folder of the data sets; empty: GAN_STUDIO_DATA, else data/"
OWN_PICTURES, OWN_PICTURES_INFO = "Own pictures", "A folder, .zip or .tar instead; sub-folders are classes"
NOTHING_TRAINED, RUN_SAMPLES = "Nothing is being trained.", "What it draws"
TRAIN_START, TRAIN_RESUME, TRAIN_OPEN = "Start", "Resume", "Open in the other tabs"
NO_IMAGES = "The number of images must be from 1 to 10,000,000,000."


def still_training(name: str) -> str:
    return f"{name} is being trained; stop it first, or wait until it is done."


def training_now(name: str) -> str:
    return f"{name} is being trained."


def training_over(name: str) -> str:
    return f"The training of {name} has ended."


def no_run_name(name: str) -> str:
    return f"A run's name has at most 60 letters, digits, dots and dashes; choose another than {name}."


def opened(name: str) -> str:
    return f"{name} is now in the list of models."
