"""A ResNeXt of plain PyTorch modules with torchvision's names: one training step and logits, in double and single precision.

usage: resnext.py WEIGHTS.pth IMAGES.f32 SIZE STAGES GROUPS WIDTH GRADIENTS.pth
Prints as JSON the loss, logits in training and in evaluation, and how far float32 is from float64 in the worst gradient;
gradients of the grouped convolutions and of the first and the last layer are written to a file.
"""
import json
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Bottleneck(nn.Module):
    def __init__(self, inputs, planes, stride, groups, base):
        super().__init__()
        width, outputs = planes * base // 64 * groups, planes * 4
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + (self.downsample(x) if self.downsample else x))


class ResNeXt(nn.Module):
    def __init__(self, repeats, groups, base, classes):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        channels = 64
        for stage, count in enumerate(repeats):
            planes, blocks = 64 * 2**stage, []
            for i in range(count):
                blocks.append(Bottleneck(channels, planes, 2 if stage and not i else 1, groups, base))
                channels = planes * 4
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


weights, images, size, stages, groups, width, gradients = sys.argv[1:]
state = torch.load(weights, weights_only=True)
classes = state["fc.weight"].shape[0]
x = torch.from_numpy(np.fromfile(images, dtype=np.float32).reshape(-1, 3, int(size), int(size)))


def step(dtype):
    network = ResNeXt([int(count) for count in stages.split(",")], int(groups), int(width), classes)
    network.load_state_dict(state, strict=True)
    network = network.to(dtype)
    with torch.no_grad():
        evaluated = network.eval()(x.to(dtype))
    logits = network.train()(x.to(dtype))
    loss = F.cross_entropy(logits, torch.arange(len(x)) % classes)
    loss.backward()
    return loss, logits, evaluated, {name: parameter.grad for name, parameter in network.named_parameters()}


loss, logits, evaluated, exact = step(torch.float64)
single = step(torch.float32)[3]
worst = max(((single[name] - gradient).norm() / gradient.norm()).item() for name, gradient in exact.items())
chosen = {name: gradient.float() for name, gradient in exact.items() if "conv2" in name or name in ("conv1.weight", "fc.weight")}
torch.save(chosen, gradients)
print(json.dumps({"loss": loss.item(), "training": logits.flatten().tolist(), "evaluation": evaluated.flatten().tolist(), "worst": worst}))
