"""What a card says about a data set: the source of the pictures, the licence, the limits."""

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DatasetNotice:
    """What a card says about weights made from a data set. `licence`: the Hub's fields for it."""

    title: str
    hub_id: str
    licence: dict[str, str]
    note: str
    limits: str


_MIT = {"license": "mit"}
DATASETS = {
    "mnist": DatasetNotice(
        "[MNIST](https://yann.lecun.com/exdb/mnist/) (LeCun et al. 1998), handwritten digits",
        "ylecun/mnist",
        _MIT,
        "The weights are under the MIT licence, like the code.",
        "It draws digits as American writers of the 1990s wrote them, centred, and nothing else.",
    ),
    "fashionmnist": DatasetNotice(
        "[FashionMNIST](https://github.com/zalandoresearch/fashion-mnist) (Xiao et al. 2017), articles of clothing",
        "zalando-datasets/fashion_mnist",
        _MIT,
        "Data and weights are under the MIT licence, like the code.",
        "It draws the ten kinds of articles of that catalogue, and nothing else.",
    ),
    "stackedmnist": DatasetNotice(
        "StackedMNIST (Metz et al. 2017, arXiv:1611.02163), three digits of "
        "[MNIST](https://yann.lecun.com/exdb/mnist/) as the three channels of a picture",
        "ylecun/mnist",
        _MIT,
        "The weights are under the MIT licence, like the code.",
        "It shows how many of 1,000 modes a generator covers, and is of no other use.",
    ),
    "cifar10": DatasetNotice(
        "[CIFAR-10](https://www.cs.toronto.edu/~kriz/cifar.html) (Krizhevsky 2009), small photographs of ten classes",
        "uoft-cs/cifar10",
        {"license": "unknown"},
        "Nobody states a licence of CIFAR-10, whose pictures were collected from the web, so that of these weights is not "
        "known either. The code is under the MIT licence.",
        "It draws pictures of 32 pixels that remind of ten kinds of animals and vehicles, and nothing else.",
    ),
    "celeba": DatasetNotice(
        "[CelebA](https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html) (Liu et al. 2015), faces of celebrities",
        "flwrlabs/celeba",
        {
            "license": "other",
            "license_name": "celeba-non-commercial-research",
            "license_link": "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        },
        "CelebA is available for **non-commercial research** only, and so are weights made from it. "
        "The code is under the MIT licence.",
        "The faces that it draws are of no real person, but they inherit CelebA's bias: celebrities, mostly young, "
        "light-skinned and with make-up. An attribute is what CelebA's annotators saw in a photo (only 12 of the 40 reach "
        "95 % agreement between annotators, Wu et al. 2023, arXiv:2210.07356), not what a person is. Changing one also "
        "changes others that often occur with it in the data.",
    ),
}
UNKNOWN = DatasetNotice(
    "not recorded",
    "",
    {},
    "The licence of these weights depends on the training data, which this card does not know.",
    "It draws what its training pictures showed, and inherits their bias.",
)

# Identifiers of licences from the Hub's list.
IDENTIFIERS = frozenset(
    "apache-2.0 mit openrail bsd bsd-2-clause bsd-3-clause cc cc0-1.0 cc-by-2.0 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 "
    "cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 "
    "cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 "
    "gpl-2.0 gpl-3.0 lgpl-3.0 agpl-3.0 mpl-2.0 odbl odc-by pddl unlicense wtfpl zlib isc artistic-2.0 etalab-2.0".split()
)
# Licences that do not restrict the licence of weights which are trained further.
_FREE = frozenset(
    "apache-2.0 mit bsd bsd-2-clause bsd-3-clause cc0-1.0 cc-by-4.0 cc-by-3.0 cc-by-2.0 cdla-permissive-1.0 "
    "cdla-permissive-2.0 odc-by pddl unlicense wtfpl zlib isc".split()
)
KEYS = ("license", "license_name", "license_link")


def dataset_of(name: str | None) -> DatasetNotice:
    """The notice of a data set, by its name here or on the Hub. To be safe, every name with "celeba" gets CelebA's
    restriction."""
    plain = re.sub("[^a-z0-9]", "", (name or "").lower())
    of_hub = next((notice for notice in DATASETS.values() if notice.hub_id == name), UNKNOWN)
    return DATASETS["celeba"] if "celeba" in plain else DATASETS.get(plain, of_hub)


def on_hub(data: dict[str, str]) -> str:
    """The data set of the Hub, USER/DATASET[@REVISION], in the record of a model's data; "" for other data."""
    return found[0] if (found := re.match(r"[\w.-]+/[\w.-]+(@[\w./-]+)?$", data.get("hub", ""))) else ""


def hub_link(hub: str) -> str:
    """A data set of the Hub, USER/DATASET[@REVISION], as a link to its page."""
    name, _, revision = hub.partition("@")
    return f"[{name}](https://huggingface.co/datasets/{name}{f'/tree/{revision}' if revision else ''})"


def data_line(metrics: dict[str, Any]) -> str:
    """A line of Markdown on the data of a model and their licence, from its metrics.json."""
    record = metrics.get("training")
    dataset = record.get("dataset") if isinstance(record, dict) else None
    notice = dataset_of(dataset if isinstance(dataset, str) else None)
    own = record.get("data") if isinstance(record, dict) and notice is UNKNOWN else None
    own = {key: value for key, value in own.items() if isinstance(value, str)} if isinstance(own, dict) else {}
    licence = own.get("licence") or own.get("page_licence")
    note = f"Licence of the pictures: {licence}." if licence else notice.note
    hub, folder = on_hub(own), str(dataset).rstrip("/").rpartition("/")[2] if dataset and notice is UNKNOWN else ""
    return f"Data: {own.get('title') or (hub_link(hub) if hub else folder or notice.title)}. {note}"


def rights_of(metrics: dict[str, Any]) -> str:
    """The same as plain text, for the metadata of pictures."""
    return plain_text(data_line(metrics))


def plain_text(line: str) -> str:
    """A line of Markdown as plain text of at most 1,000 characters."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)|\*\*", lambda link: link[1] or "", line)[:1000]


def licence_fields(words: str) -> dict[str, str]:
    """The Hub's fields for a licence as a trainer gave it: an identifier such as cc-by-4.0, an address, or a sentence."""
    words = " ".join(words.split())
    plain = words.lower()
    if plain in IDENTIFIERS:
        return {"license": plain}
    if re.match(r"https?://\S+$", words):
        return {"license": "other", "license_name": "own", "license_link": words}
    return {"license": "other", "license_name": re.sub("[^a-z0-9]+", "-", plain).strip("-")[:60] or "own"}


def combined(own: dict[str, str], origin: dict[str, str] | None) -> dict[str, str]:
    """The fields for weights trained on data under `own`, starting from weights under `origin` ({}: from none; None: from
    some whose licence is not known). A restriction of either holds; if both restrict, the card says how. What is not
    known may restrict, so then no free licence is claimed."""
    if origin is None:
        return {} if own.get("license") in _FREE else own
    if not origin or origin.get("license") in _FREE or origin == own:
        return own
    if not own or own.get("license") in _FREE:
        return origin
    return {"license": "other", "license_name": "several-see-the-card"}
