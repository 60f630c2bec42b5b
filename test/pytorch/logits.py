"""Loads an exported state dict with strict=True into torchvision's and timm's network, and prints their logits as JSON.

usage: logits.py NETWORK WEIGHTS IMAGES.f32 SIZE
"""
import json
import sys

import numpy as np
import timm
import torch
import torchvision
from safetensors.torch import load_file

name, weights, images, size = sys.argv[1:]
state = load_file(weights) if weights.endswith(".safetensors") else torch.load(weights, weights_only=True)
classes = [value for key, value in state.items() if key.endswith("weight")][-1].shape[0]
side = int(size)
x = torch.from_numpy(np.fromfile(images, dtype=np.float32).reshape(-1, 3, side, side))
networks = {}
if hasattr(torchvision.models, name):
    networks["torchvision"] = getattr(torchvision.models, name)(num_classes=classes)
if name.startswith("efficientnet_lite"):
    networks["timm"] = timm.create_model(f"tf_{name}", num_classes=classes)
elif name.startswith("resnet"):
    networks["timm"] = timm.create_model(name, num_classes=classes)
logits = {}
for library, network in networks.items():
    network.load_state_dict(state, strict=True)
    with torch.no_grad():
        logits[library] = network.eval()(x).flatten().tolist()
print(json.dumps(logits))
