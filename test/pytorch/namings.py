"""Writes files of weights as other libraries name them, with the logits that those libraries compute, as JSON.

usage: namings.py FOLDER SIZE; with 'record' for SIZE only names and shapes, one text file for each
"""
import json
import sys

import numpy as np
import timm
import torch
import torchvision
from transformers import MobileNetV2Config, MobileNetV2ForImageClassification, ResNetConfig, ResNetForImageClassification

folder, size = sys.argv[1:]
torch.manual_seed(0)


def shaken(network):
    """Norms that are no identities, so that each of their four tensors counts."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.3, 0.3)
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


def under(prefix, network):
    return {f"{prefix}{name}": tensor for name, tensor in network.state_dict().items()}


def labelled(config):
    config.num_labels = 1000
    return config


basic = dict(depths=[2, 2, 2, 2], hidden_sizes=[64, 128, 256, 512], layer_type="basic")
resnet18 = shaken(torchvision.models.resnet18())
other = shaken(torchvision.models.resnet18())
mobilenet = MobileNetV2Config()
mobilenet.num_labels = 1001
libraries = {
    "transformers-resnet18": shaken(ResNetForImageClassification(labelled(ResNetConfig(**basic)))),
    "transformers-resnet50": shaken(ResNetForImageClassification(labelled(ResNetConfig()))),
    "transformers-mobilenet_v2": shaken(MobileNetV2ForImageClassification(mobilenet)),
    "timm-mobilenetv2_100": shaken(timm.create_model("mobilenetv2_100")),
}
body = torch.nn.Sequential(*list(resnet18.children())[:-2])
fastai = torch.nn.Sequential(body, torch.nn.Sequential(torch.nn.Identity(), torch.nn.BatchNorm1d(1024), torch.nn.Linear(1024, 5)))
files = {name: network.state_dict() for name, network in libraries.items()}
files["fastai"] = fastai.state_dict()

if size == "record":
    for name, state in files.items():
        with open(f"{folder}/{name}.txt", "w") as file:
            for key, tensor in state.items():
                file.write(f"{key} {'x'.join(map(str, tensor.shape))}\n")
    sys.exit()

files["fastai"] = {"model": files["fastai"], "opt": None}
for prefix in ["model.", "net.", "backbone.", "encoder.", "model._orig_mod."]:
    hyper = {"lr": 0.1}
    files[f"under-{prefix}"] = {"epoch": 3, "state_dict": under(prefix, resnet18), "hyper_parameters": hyper}
queue = {"module.queue": torch.zeros(128, 16), "module.queue_ptr": torch.zeros(1, dtype=torch.long)}
files["moco"] = {"epoch": 1, "state_dict": under("module.encoder_k.", other) | under("module.encoder_q.", resnet18) | queue}
files["dino"] = {
    "student": under("module.backbone.", other) | {"module.head.mlp.0.weight": torch.zeros(8, 512)},
    "teacher": under("backbone.", resnet18) | {"head.mlp.0.weight": torch.zeros(8, 512)},
    "optimizer": torch.optim.SGD(other.parameters(), 0.1).state_dict(),
    "epoch": 1,
}
for name, state in files.items():
    torch.save(state, f"{folder}/{name}.pth")
side = int(size)
images = torch.randn(1, 3, side, side)
images.numpy().tofile(f"{folder}/images.f32")
with torch.no_grad():
    def logits(network):
        out = network(images)
        return (out if torch.is_tensor(out) else out.logits).flatten().tolist()

    print(json.dumps({"resnet18": logits(resnet18), "other": logits(other)} | {name: logits(each) for name, each in libraries.items()}))
