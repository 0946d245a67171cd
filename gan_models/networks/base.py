"""The base classes of all generators and discriminators."""

import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

import torch
from huggingface_hub import HfApi, ModelCard, PyTorchModelHubMixin
from torch import Tensor, nn

from .. import hub, model_folder, rng
from .. import latents as _latents
from ..cards.edits import is_of_before
from ..cards.page import model_card
from ..errors import InvalidConfig, InvalidInput, short
from ..files import is_text
from ..layout import CARD, Source
from ..saving import card_on_hub, save_whole

LABEL_TABLE_ROWS = 256
Names = list[str] | tuple[str, ...]  # of labels or attributes; lists, as in JSON, or tuples
DTYPES = (torch.float32, torch.float16, torch.bfloat16)


def check_config(config: dict[str, Any], limits: dict[str, tuple[int, int]], oblong: bool = False) -> None:
    """Raise InvalidConfig unless each key of `limits` is a whole number within its (least, most). oblong: image_size may
    also be two such numbers, [height, width]."""
    for key, (least, most) in limits.items():
        value = config[key]
        two = oblong and key == "image_size" and isinstance(value, (list, tuple)) and len(value) == 2
        for number in value if two else (value,):
            if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
                raise InvalidConfig(
                    f"The configuration says {key} = {short(value)}; it must be a whole number {least} to {most}"
                    f"{' or two of them, [height, width]' if oblong and key == 'image_size' else ''}."
                )


def check_labels(labels: object, multi_label: object) -> tuple[str, ...] | None:
    """The label names as a tuple. Raises InvalidConfig unless they are None or 2 to 1,000 distinct names (1 to 1,000
    for attributes)."""
    if not isinstance(multi_label, bool):
        raise InvalidConfig(f"The configuration says multi_label = {short(multi_label)}; it must be true or false.")
    if labels is None:
        return None
    names = tuple(labels) if isinstance(labels, (list, tuple)) else ()
    if not (1 if multi_label else 2) <= len(names) <= 1000:
        raise InvalidConfig("The configuration's labels must be a list of at most 1000 names, at least 2 for classes.")
    if not all(isinstance(name, str) and 0 < len(name) <= 100 and is_text(name) for name in names) or (
        len(set(names)) != len(names)
    ):
        raise InvalidConfig("The configuration's labels must be distinct names of 1 to 100 characters.")
    return names


def is_number(value: object, most: float) -> bool:
    """Whether a value is a number from 0 to `most`."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= most


def checked_targets(
    targets: dict[str, float], attributes: tuple[str, ...], exclusive: tuple[str, ...], intensity: float, most: float
) -> dict[str, float]:
    """The targets of an editor, name -> 0..1, with those that they imply: a head has one of `exclusive`. Raises
    InvalidInput for unknown names, for values out of range, and for an intensity outside 0..most."""
    if not is_number(intensity, most):
        raise InvalidInput(f"The intensity must be a number from 0 to {most:g}, not {short(intensity)}.")
    if not isinstance(targets, dict):
        raise InvalidInput(f'The targets must be names and values, such as {{"Smiling": 1.0}}, not {short(targets)}.')
    for name, value in targets.items():
        if name not in attributes:
            raise InvalidInput(f"There is no attribute {short(name)} to edit; there are {', '.join(attributes)}.")
        if not is_number(value, 1):
            raise InvalidInput(f"The target of {name} must be a number from 0 to 1, not {short(value)}.")
    wished = [name for name in targets if name in exclusive and targets[name] > 0.5]
    if len(wished) > 1:
        raise InvalidInput(f"A head has one of {' and '.join(wished)}: ask for one of them.")
    return {name: 0.0 for name in attributes if wished and name in exclusive} | targets


def encode_labels(labels: Tensor, names: tuple[str, ...], multi_label: bool) -> Tensor:
    """Labels in the form that the networks take: (n, K) float. Classes become one-hot rows; attributes 0..1 become
    -1..1, so that "absent" has as much effect as "present"."""
    if labels.ndim == 1:
        rows = nn.functional.one_hot(labels.long().clamp_min(0), len(names)).float()
        return rows * (labels >= 0)[:, None]  # -1: unknown
    return labels * 2 - 1 if multi_label else labels


def _refuse_config(config: object) -> None:
    if config is not None:
        raise InvalidInput("config.json says what the model was built with; leave `config` out.")


class Generator(model_folder.Model, PyTorchModelHubMixin):
    """Base of all generators. The arguments of subclasses can be stored as JSON; they are the config.json.

    Attributes: latent_dim (int), image_shape (C, H, W), labels (tuple of names, or None), multi_label (True:
    attributes, any number of which hold at once; False: classes, exactly one).
    """

    takes_labels = False  # whether it has the arguments `labels` and `multi_label`
    limits: dict[str, tuple[int, int]] = {}  # (least, most) of arguments that are whole numbers
    classifies = False  # whether it classifies pictures; then the argument `classes` has the names
    grows: tuple[str, ...] = ()  # beginnings of names: what a run that starts from a smaller size begins anew
    latent_dim: int
    image_shape: tuple[int, int, int]
    labels: tuple[str, ...] | None
    multi_label: bool

    @property
    def arguments(self) -> dict[str, Any]:
        """The constructor's arguments: config.json without its format and family."""
        return cast(dict[str, Any], self._hub_mixin_config)

    def set_labels(self, labels: object, multi_label: bool) -> None:
        """Set the labels; for attributes also the table of combinations from which `sample_labels` draws."""
        self.labels, self.multi_label = check_labels(labels, multi_label), multi_label
        if self.labels and multi_label:
            self.register_buffer("label_table", torch.full((LABEL_TABLE_ROWS, len(self.labels)), 0.5))

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """latents (n, latent_dim) and labels as from `encode_labels` -> images (n, C, H, W) in [-1, 1]."""
        raise NotImplementedError(f"{type(self).__name__} has no forward pass")

    def encode(self, images: Tensor) -> Tensor:
        """images (n, C, H, W) in [-1, 1] -> latents (n, latent_dim) with which `generate` reproduces them, if the family
        has an encoder. Raises InvalidInput if it has none."""
        raise InvalidInput(
            f"This model (family {self.family}) has no encoder: it draws pictures and cannot encode them."
        )

    def estimate_labels(self, images: Tensor) -> Tensor | None:
        """images (n, C, H, W) in [-1, 1] -> labels (n, K) in 0..1 for `generate`, if the model has an encoder and
        labels; else None."""
        return None

    def classify(self, images: Tensor) -> Tensor:
        """images (n, C, H, W) in [-1, 1] -> probabilities of the classes: (n, K) rows that sum to 1, if the family has a
        classifier. Raises InvalidInput if it has none."""
        raise InvalidInput(f"This model (family {self.family}) has no classifier.")

    @property
    def encodes(self) -> bool:
        """Whether it has an encoder."""
        return type(self).encode is not Generator.encode

    def check_images(self, images: Tensor) -> Tensor:
        """The pictures on the generator's device. Raises InvalidInput unless they are floats (n, C, H, W) in [-1, 1] of
        the generator's image_shape."""
        if (
            not isinstance(images, Tensor)
            or images.ndim != 4
            or images.shape[1:] != self.image_shape
            or not images.is_floating_point()
        ):
            got = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
            raise InvalidInput(
                f"The pictures must be floating-point numbers (n, {', '.join(map(str, self.image_shape))}), not {got}."
            )
        if not (images.abs() <= 1.001).all():  # NaN fails too
            raise InvalidInput("The pictures must hold numbers from -1 to 1.")
        return images.to(self.device)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the weights. Even after `half()` or `bfloat16()` pictures and latents are float32."""
        return next(self.parameters()).dtype

    def trial(self) -> list[Tensor]:
        """The outputs with which `load` tests the weights: a picture from one latent and, if there is an encoder, its
        output for that picture."""
        images = self.generate(self.sample_latents(1, seed=0), self.sample_labels(1, seed=0))
        if not self.encodes or not images.isfinite().all():
            return [images]
        found = self.encode(images)
        return [images, *(found if isinstance(found, tuple) else (found,))]

    def sample_latents(self, n: int, *, seed: int | None = None, truncation: float = 1.0) -> Tensor:
        """n latents from a seed: (n, latent_dim) float32 on the generator's device.

        Latent k of a seed does not depend on n or the device. truncation (0..2) is a factor: below 1 the pictures become
        more typical and less varied. Raises InvalidInput for a seed, count or truncation out of range.
        """
        if not isinstance(truncation, (int, float)) or not 0 <= truncation <= 2:
            raise InvalidInput(f"The truncation must be a number from 0 to 2, not {truncation!r}.")
        rng.check_count(n)
        return (_latents.sample(n, self.latent_dim, seed=seed) * truncation).to(self.device)

    def sample_labels(self, n: int, *, seed: int | None = None) -> Tensor | None:
        """n plausible labels from a seed: (n,) int64 classes, uniformly; or (n, K) attributes of real training examples
        (independent random attributes would give combinations that no face has); or None for an unconditional
        generator."""
        if self.labels is None:
            return None
        seed, n = rng.check_seed(seed), rng.check_count(n)
        high = LABEL_TABLE_ROWS if self.multi_label else len(self.labels)
        drawn = [int(rng.philox(seed, k, rng.Stream.LABELS).integers(high)) for k in range(n)]
        rows = torch.tensor(drawn, device=self.device)
        return self.label_table[rows] if self.multi_label else rows

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (n, C, H, W) float32 in [-1, 1] from latents (n, latent_dim), differentiably.

        labels: (n,) int classes or (n, K) weights 0..1 for a class-conditional generator (weights that mix classes draw
        something in between), (n, K) values 0..1 for attributes, None for an unconditional generator. Raises
        InvalidInput that says what was expected.
        """
        if not isinstance(latents, Tensor) or latents.ndim != 2 or latents.shape[1] != self.latent_dim:
            got = tuple(latents.shape) if isinstance(latents, Tensor) else type(latents).__name__
            raise InvalidInput(f"The latents must be a tensor (n, {self.latent_dim}), not {got}.")
        if not latents.is_floating_point():
            raise InvalidInput(f"The latents must be floating-point numbers, not {latents.dtype}.")
        labels = self._checked_labels(labels, len(latents))
        labels = labels if labels is None else labels.to(self.dtype)
        images: Tensor = self(latents.to(self.device, self.dtype), labels)
        return images.float()

    def _checked_labels(self, labels: Any, n: int) -> Tensor | None:
        if self.labels is None:
            if labels is not None:
                raise InvalidInput("This model is unconditional: it takes no labels.")
            return None
        k = len(self.labels)
        wanted = f"({n}, {k}) values from 0 to 1" if self.multi_label else f"({n},) classes from 0 to {k - 1}"
        if labels is None:
            raise InvalidInput(f"This model is conditional: give labels, {wanted}, for {', '.join(self.labels)}.")
        try:
            labels = torch.as_tensor(labels, device=self.device)
        except (TypeError, ValueError, RuntimeError) as error:
            raise InvalidInput(f"The labels must be {wanted}, not {short(labels)}.") from error
        if labels.ndim == 1 and not self.multi_label:
            if labels.is_floating_point() or len(labels) != n or not ((labels >= 0) & (labels < k)).all():
                raise InvalidInput(f"The labels must be {wanted}.")
        else:
            labels = labels.float()
            # NaN fails both comparisons, so it is refused too.
            if labels.shape != (n, k) or not ((labels >= 0) & (labels <= 1)).all():
                raise InvalidInput(f"The labels must be {wanted}.")
        return encode_labels(labels, self.labels, self.multi_label)

    # The Hub mixin's saving and loading are replaced by ours: strict, bounds-checked, never a pickle.
    def save_pretrained(  # type: ignore[override] # no `config`: the model has its own
        self,
        save_directory: str | os.PathLike[str],
        *,
        config: None = None,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        model_card_kwargs: dict[str, Any] | None = None,
        **push_to_hub_kwargs: Any,
    ) -> str | None:
        """Write a whole model folder: configuration, weights, card, and the metrics, samples, licence and edits of the
        card from the folder that the model was loaded from.

        model_card_kwargs: further facts for the card, keys of `cards.page.ABOUT` such as {"dataset": ..., "licence": ...}.
        What a person wrote into an existing card is kept. repo_id, push_to_hub and its arguments are those of the Hub's
        mixin. Returns the commit's address after a push, else None. Raises InvalidWeights for weights that are not
        finite, and InvalidInput for a `config`, which cannot be changed.
        """
        _refuse_config(config)
        folder = Path(save_directory)
        save_whole(self, folder, model_card_kwargs)
        if not push_to_hub:
            return None
        return self.push_to_hub(repo_id or folder.name, model_card_kwargs=model_card_kwargs, **push_to_hub_kwargs)

    def push_to_hub(  # type: ignore[override] # only known options, where the mixin takes any
        self,
        repo_id: str,
        *,
        config: None = None,
        commit_message: str = "Push a model of GAN Studio",
        private: bool | None = None,
        token: str | None = None,
        branch: str | None = None,
        create_pr: bool | None = None,
        allow_patterns: list[str] | str | None = None,
        ignore_patterns: list[str] | str | None = None,
        delete_patterns: list[str] | str | None = None,
        model_card_kwargs: dict[str, Any] | None = None,
    ) -> str:
        """Upload the model folder that `save_pretrained` writes, in one commit, and return that commit's address.

        The arguments are those of the Hub's mixin. The card names the repository; what a person wrote into the
        repository's card is kept. Raises as the Hub's client does.
        """
        _refuse_config(config)
        api = HfApi(token=token)
        repo_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
        if branch is not None:
            api.create_branch(repo_id, branch=branch, exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            if (card := card_on_hub(repo_id, branch, token)) and not is_of_before(card):
                (folder / CARD).write_bytes(card.encode())
            save_whole(self, folder, model_card_kwargs, name=repo_id)
            commit = api.upload_folder(
                repo_id=repo_id,
                folder_path=folder,
                commit_message=commit_message,
                revision=branch,
                create_pr=create_pr,
                allow_patterns=allow_patterns,
                ignore_patterns=ignore_patterns,
                delete_patterns=delete_patterns,
            )
        return str(commit)

    @classmethod
    def from_pretrained(  # type: ignore[override] # only known options, where the mixin takes any
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
        map_location: str | torch.device | None = "cpu",
        strict: bool = True,
        dtype: torch.dtype = torch.float32,
    ) -> Self:
        """`gan_models.load` for one family, with the options that huggingface_hub documents for its mixins.

        map_location: the device. strict: only True, since missing tensors would stay random. dtype: of the weights
        (torch.float32, float16 or bfloat16); pictures and latents stay float32. Raises InvalidConfig for a model of
        another family, InvalidInput for an invalid option, and as `load` does.
        """
        device = hub.check_device(map_location)
        if strict is not True:
            raise InvalidInput(
                "Models are loaded with strict=True only: missing tensors would stay random, and tensors of another "
                "shape belong to another network."
            )
        if dtype not in DTYPES:
            raise InvalidInput(f"The dtype must be {', '.join(map(str, DTYPES))}, not {short(dtype)}.")
        found = find(
            pretrained_model_name_or_path,
            revision,
            cache_dir=cache_dir,
            force_download=force_download,
            local_files_only=local_files_only,
            token=token,
        )
        model = load_folder(found.folder, found.name)
        if not isinstance(model, cls):
            raise InvalidConfig(
                f"{found.name} is a model of the family {model.family!r}, not a {cls.__name__}; use gan_models.load()."
            )
        model.loaded_from = found
        return model.to(device, dtype)

    def generate_model_card(self, **about: Any) -> ModelCard:
        """The card that `save_pretrained` writes for a model about which nothing else is known. about: as for
        `card.write_card`."""
        return model_card(model_folder.config_of(self), about=about)


# `family` of config.json -> class. __init__.py fills it, which runs before any file of this folder is imported.
FAMILIES: dict[str, type[Generator]] = {}


def load_folder(folder: str | os.PathLike[str], name: str | None = None) -> Generator:
    """The model of a folder, in eval mode, float32, on the CPU. `name` is its name in messages. Raises InvalidConfig or
    InvalidWeights."""
    return model_folder.read_model(Path(folder), FAMILIES, name)


def find(source: str | os.PathLike[str], revision: str | None = None, **download: Any) -> Source:
    """The folder of a model, downloaded if necessary; the sources are those of `load`. `download`: options of the Hub's
    client. Raises ModelNotFound, HubUnreachable, InvalidConfig, InvalidWeights or InvalidInput."""
    return hub.find_source(source, revision, most_bytes=_most_bytes, **download)


def _most_bytes(config: Path, name: str) -> int:
    network = model_folder.build_on_meta(*model_folder.read_config(config, FAMILIES, name), name)
    return model_folder.most_bytes(network.state_dict())


class DiscriminatorOutput(NamedTuple):
    """A discriminator's output for n images."""

    scores: Tensor  # (n,) logits: above 0 means "looks real"
    features: Tensor  # (n, ...) the last hidden layer
    logits: Tensor | None = None  # (n, K) logits of the labels, where it has an auxiliary classifier


class Discriminator(nn.Module):
    """Base of all discriminators: (images (n, C, H, W) in [-1, 1], labels as from `encode_labels`) ->
    DiscriminatorOutput."""

    takes_labels = False  # whether it has the arguments `labels` and `multi_label`
    limits: dict[str, tuple[int, int]] = {}  # (least, most) of arguments that are whole numbers
    normalisations: tuple[str, ...] = ()  # what its argument `normalisation` can be, its default first
    shares_weights = False  # with the generator
    grows: tuple[str, ...] = ()  # as of a generator

    def trained(self) -> dict[str, nn.Parameter]:
        """The weights that the discriminator's optimiser updates, by name."""
        return dict(self.named_parameters())

    def forward(self, images: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        raise NotImplementedError(f"{type(self).__name__} has no forward pass")
