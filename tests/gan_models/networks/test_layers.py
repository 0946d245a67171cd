"""The layers that several networks share."""

import pytest
import torch
from torch import nn

from gan_models.networks.layers import GroupNorm


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_group_norm_is_pytorchs_in_every_layout(layout):
    ours, theirs = GroupNorm(8, 32), nn.GroupNorm(8, 32)
    with torch.no_grad():
        ours.weight.normal_()
        ours.bias.normal_()
    theirs.load_state_dict(ours.state_dict())  # the same names
    x = torch.randn(4, 32, 14, 14).to(memory_format=layout).requires_grad_(True)
    for norm in (ours, theirs):
        x.grad = None
        y = norm(x)
        (y**3).sum().backward()
        if norm is ours:
            found, slope = y, x.grad
    torch.testing.assert_close(found, y)
    torch.testing.assert_close(slope, x.grad, rtol=1e-3, atol=1e-3)
