"""What a command's --help names without torch is what there is."""

from gan_models import notices
from gan_models.choices import DAMAGES
from gan_models.damages import KINDS
from training import choices
from training.data import READERS
from training.judges.networks import JUDGES


def test_names_are_those_of_what_there_is():
    assert choices.DATASETS == tuple(READERS) and KINDS == DAMAGES
    assert set(choices.DATASETS) == set(notices.DATASETS)  # a card knows the source and licence of each
    assert set(choices.JUDGES) == {name for name, plan in JUDGES.items() if not plan.stacked}
    judging = {plan.network for name, plan in JUDGES.items() if plan.data == name}  # the teacher judges nothing
    assert set(choices.NETWORKS) == judging | {"inception", "general"}
