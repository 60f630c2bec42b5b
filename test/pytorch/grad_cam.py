"""pytorch-grad-cam's map of one class, at every eighth pixel, as JSON: what gradCam.test.ts has recorded.

usage: grad_cam.py NETWORK MODEL.safetensors IMAGE.f32 SIZE CLASS
"""
import json
import sys

import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from safetensors.torch import load_file

name, weights, image, size, label = sys.argv[1:]
state = load_file(weights)
head = [key for key in state if key.endswith("weight")][-1]
classes = state[head].shape[0]
if name.startswith("efficientnet_lite"):
    import timm

    model = timm.create_model(f"tf_{name}", num_classes=classes)
    layer = model.bn2
else:
    import torchvision

    model = getattr(torchvision.models, name)(num_classes=classes)
    layer = model.features[-1] if name == "mobilenet_v2" else model.layer4[-1]
model.load_state_dict(state, strict=True)
model.eval()
side = int(size)
x = torch.from_numpy(np.fromfile(image, dtype=np.float32).reshape(1, 3, side, side))
targets = None if label == "best" else [ClassifierOutputTarget(int(label))]
with GradCAM(model=model, target_layers=[layer]) as cam:
    map = cam(input_tensor=x, targets=targets)[0]
print(json.dumps([round(float(v), 5) for v in map[4::8, 4::8].ravel()]))
