#!/usr/bin/env python3
"""The PyTorch side of the benchmark: one network, one task, timed whenever a line arrives on standard input.

Needs nothing but torch; tasks that read images (pipeline, epoch) need pillow, too. Called by `npm run bench` as
    peer.py {"network": "resnet50", "task": "step", "batch": 16, "size": 224, "threads": 2, "channels_last": true, "bf16": false}
With "device": "cuda" it runs on the GPU, in float32 without TF32, from images in main memory as a training program has them.
It answers 'ready' after a warm-up, then for each line 'go N' the seconds of N runs as JSON, and for 'end' its peak memory.
"""
import json, math, os, random, resource, sys, time

import torch
import torch.nn.functional as F
from torch import nn


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        outputs = 4 * width
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


def resnet50(classes):
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, repeats in enumerate((3, 4, 6, 3)):
        for i in range(repeats):
            layers.append(Bottleneck(channels, 64 << stage, 2 if stage and i == 0 else 1))
            channels = 4 * (64 << stage)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


class SameConv(nn.Conv2d):
    """TensorFlow's SAME padding, which is asymmetric at stride 2."""

    def forward(self, x):
        pads = []
        for size, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1]):
            total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        if any(a != b for a, b in zip(pads[::2], pads[1::2])):
            return F.conv2d(F.pad(x, pads), self.weight, None, self.stride, 0, 1, self.groups)
        return F.conv2d(x, self.weight, None, self.stride, (pads[2], pads[0]), 1, self.groups)


class Inverted(nn.Module):
    def __init__(self, conv, norm, inputs, outputs, kernel, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        layers = []
        if expansion != 1:
            layers += [nn.Conv2d(inputs, hidden, 1, bias=False), norm(hidden), nn.ReLU6(inplace=True)]
        layers += [conv(hidden, hidden, kernel, stride, hidden), norm(hidden), nn.ReLU6(inplace=True)]
        layers += [nn.Conv2d(hidden, outputs, 1, bias=False), norm(outputs)]
        self.body, self.residual = nn.Sequential(*layers), stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.body(x) if self.residual else self.body(x)


def light(stages, conv, norm, classes):
    layers = [conv(3, 32, 3, 2, 1), norm(32), nn.ReLU6(inplace=True)]
    channels = 32
    for repeats, kernel, stride, expansion, outputs in stages:
        for i in range(repeats):
            layers.append(Inverted(conv, norm, channels, outputs, kernel, stride if i == 0 else 1, expansion))
            channels = outputs
    layers += [nn.Conv2d(channels, 1280, 1, bias=False), norm(1280), nn.ReLU6(inplace=True)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(1280, classes))


def efficientnet_lite0(classes):
    stages = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320))
    conv = lambda i, o, k, s, g: SameConv(i, o, k, s, groups=g, bias=False)
    return light(stages, conv, lambda c: nn.BatchNorm2d(c, eps=1e-3, momentum=0.01), classes)


def mobilenet_v2(classes):
    stages = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (3, 3, 2, 6, 32), (4, 3, 2, 6, 64), (3, 3, 1, 6, 96), (3, 3, 2, 6, 160), (1, 3, 1, 6, 320))
    conv = lambda i, o, k, s, g: nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False)
    return light(stages, conv, nn.BatchNorm2d, classes)


class Images(torch.utils.data.Dataset):
    """JPEG files as a plain program reads them: decode, random resized crop (0.35 to 1 of the area), mirror, normalise."""

    def __init__(self, folder, size):
        self.files = sorted(os.path.join(top, f) for top, _, files in os.walk(folder) for f in files if f.lower().endswith(('.jpg', '.jpeg', '.png')))
        self.size = size

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        from PIL import Image

        image = Image.open(self.files[index]).convert('RGB')
        width, height = image.size
        for _ in range(10):
            area, ratio = width * height * random.uniform(0.35, 1), math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if w <= width and h <= height:
                break
        else:
            w, h = width, height
        x, y = random.randint(0, width - w), random.randint(0, height - h)
        image = image.resize((self.size, self.size), Image.BILINEAR, box=(x, y, x + w, y + h))
        if random.random() < 0.5:
            image = image.transpose(Image.FLIP_LEFT_RIGHT)
        pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(self.size, self.size, 3).permute(2, 0, 1)
        return (pixels.float() / 255 - 0.45) / 0.225


def endless(o):
    data = Images(o['data'], o['size'])
    while True:
        yield from torch.utils.data.DataLoader(data, o['batch'], shuffle=True, drop_last=True, num_workers=o['threads'], persistent_workers=False)


def main():
    o = json.loads(sys.argv[1])
    torch.set_num_threads(o['threads'])
    torch.manual_seed(0)
    classes = 101
    device = o.get('device', 'cpu')
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    net = globals()[o['network']](classes).to(device)
    x = torch.randn(o['batch'], 3, o['size'], o['size'])
    y = (torch.arange(o['batch']) % classes).to(device)
    if device != 'cpu':
        x = x.pin_memory()
    finish = torch.cuda.synchronize if device != 'cpu' else lambda: None
    if o['channels_last']:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    autocast = lambda: torch.autocast('cpu', torch.bfloat16, enabled=o['bf16'])
    batches = endless(o) if o['task'] in ('pipeline', 'epoch') else None
    if batches:
        import PIL  # fails here, not in a worker
    if o['task'] == 'pipeline':
        run = lambda: next(batches)
    elif o['task'] != 'inference':
        net.train()
        optimiser = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4)

        def run():
            images = next(batches) if batches else x
            if batches and o['channels_last']:
                images = images.to(memory_format=torch.channels_last)
            optimiser.zero_grad(set_to_none=True)
            with autocast():
                loss = F.cross_entropy(net(images.to(device, non_blocking=True)), y)
            loss.backward()
            optimiser.step()
    else:
        net.eval()

        def run():
            with torch.inference_mode(), autocast():
                net(x.to(device, non_blocking=True))

    for _ in range(2):
        run()
    finish()
    print('ready', flush=True)
    for line in sys.stdin:
        if line.startswith('end'):
            print(json.dumps({'peakBytes': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}), flush=True)
            return
        seconds = []
        for _ in range(int(line.split()[1])):
            began = time.perf_counter()
            run()
            finish()
            seconds.append(time.perf_counter() - began)
        print(json.dumps({'seconds': seconds}), flush=True)


if __name__ == '__main__':
    main()
